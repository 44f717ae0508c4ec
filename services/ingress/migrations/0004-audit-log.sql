-- Every administrative change: who, what, before and after. A line is written in the transaction of its change.
-- Secrets are masked before they come here (services/ingress/src/audit/masked.ts).
create sequence ingress.audit_log_seq;

create table ingress.audit_log (
  id uuid not null,
  changed_at timestamptz not null,
  -- the order of lines of the same instant
  seq bigint not null default nextval('ingress.audit_log_seq'),
  -- who the change is attributed to: what the caller says in `litellm-changed-by`, or else the caller's user id
  changed_by text not null,
  -- who called, whatever the header says: role, user, and the SHA-256 and the masked name of the key
  role text not null,
  user_id text,
  key_hash text not null,
  key_name text,
  -- created, updated, deleted, blocked, unblocked, rotated
  action text not null,
  -- LiteLLM's name of the table, for example LiteLLM_VerificationToken
  table_name text not null,
  object_id text not null,
  -- the object as answers show it; null where there was or is none
  before jsonb,
  after jsonb,
  -- x-litellm-call-id of the request
  request_id text not null,
  ip_address text,

  -- a partitioned table's key has to hold what it is partitioned by
  constraint audit_log_id_unique primary key (changed_at, id),
  constraint audit_log_before_is_object check (jsonb_typeof(before) = 'object'),
  constraint audit_log_after_is_object check (jsonb_typeof(after) = 'object'),
  constraint audit_log_changes_something check (before is not null or after is not null)
) partition by range (changed_at);

create index audit_log_id on ingress.audit_log (id);
create index audit_log_object on ingress.audit_log (object_id, changed_at);
create index audit_log_changed_by on ingress.audit_log (changed_by, changed_at);

create function ingress.refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'ingress.audit_log is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;

-- One partition a year, made ahead: administrative changes are few. Retention is dropping a year's partition, which
-- is the owner's to do; nothing drops one by itself.
do $$
declare
  partition text;
begin
  for year in 2025..2049 loop
    execute format(
      'create table ingress.audit_log_%s partition of ingress.audit_log for values from (%L) to (%L)',
      year, year || '-01-01T00:00:00Z', (year + 1) || '-01-01T00:00:00Z');
  end loop;
  create table ingress.audit_log_other partition of ingress.audit_log default;

  -- On each partition too: a statement that names one does not pass the parent's trigger.
  for partition in
    select 'ingress.audit_log'
    union all
    select inhrelid::regclass::text from pg_inherits where inhparent = 'ingress.audit_log'::regclass
  loop
    execute format(
      'create trigger append_only before update or delete or truncate on %s
       for each statement execute function ingress.refuse_audit_change()', partition);
  end loop;
end
$$;
