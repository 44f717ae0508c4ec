-- Files of clients, and those that batches write. The bytes are in the file store, under file_id.

create table ingress.files (
  -- file- and 128 random bits in hexadecimal: cannot be guessed
  file_id text collate "C" constraint files_unique primary key,
  -- team:<id>, key:<first hash> for a key without a team, or operator; nobody else sees the file
  owner text collate "C" not null,
  filename text not null,
  purpose text not null,
  bytes bigint not null default 0 constraint bytes_counted check (bytes >= 0),
  created_at timestamptz not null,
  -- null: kept until it is deleted
  expires_at timestamptz,
  -- null: not whole yet, or never will be; nobody sees it
  stored_at timestamptz,
  -- nobody sees it from then on; also when its bytes were last tried to be removed, which goes on until the row is gone
  deleted_at timestamptz
);
create index files_of_owner on ingress.files (owner, created_at, file_id);
create index files_expiring on ingress.files (expires_at) where deleted_at is null and expires_at is not null;
create index files_begun on ingress.files (created_at) where deleted_at is null and stored_at is null;
create index files_deleted on ingress.files (deleted_at) where deleted_at is not null;

-- Where the file store is PostgreSQL. All chunks but the last have 256 KiB, so an offset says which chunk it is in; the
-- last has less, if only nothing. Chunk 0 is written last and deleted first: where it is, is a file.
create table ingress.file_chunks (
  name text collate "C" not null,
  chunk integer not null,
  bytes bytea not null,
  constraint file_chunks_unique primary key (name, chunk)
);
-- JSON that was compressed once would have to be decompressed as a whole for each range.
alter table ingress.file_chunks alter column bytes set storage external;
