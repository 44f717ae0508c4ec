-- A key acts as its user on management routes only while nobody but the operator and that user has made it, given it
-- its user, or taken a new secret of it. A process that does not know of this makes keys that do not.
alter table ingress.virtual_keys add column vouched boolean not null default false;

-- Of keys that are there already, who made them and who changed them last says it.
with operators as (
  select 'default_user_id' as user_id
  union
  select user_id from ingress.users where user_role = 'proxy_admin'
)
update ingress.virtual_keys as key set vouched = true
where (key.created_by is null or key.created_by = key.user_id or key.created_by in (select user_id from operators))
  and (key.updated_by is null or key.updated_by = key.user_id or key.updated_by in (select user_id from operators));
