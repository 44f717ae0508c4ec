/** The statements of postgres-idempotency-store.ts. $1 is the record, $2 the request, unless a statement says else. */

const inMs = (ms: string) => `clock_timestamp() + ${ms} * interval '1 millisecond'`;

/**
 * $1 record, $2 fingerprint, $3 request, $4 lease in ms. One row that says how it stands; none when the record has
 * changed hands meanwhile, and is to be read again. Who only waits for another's answer writes nothing.
 */
export const beginSql = `
with known as (
  select * from ingress.idempotency_records where scope = $1 and expires_at > clock_timestamp()
), others as (
  select * from known where not (state = 'claimed' and request_id = $3 and fingerprint = $2)
), taken as (
  insert into ingress.idempotency_records as record (scope, fingerprint, request_id, state, expires_at)
  select $1, $2, $3, 'claimed', ${inMs('$4::float8')} where not exists (select from others)
  on conflict (scope) do update set
    fingerprint = excluded.fingerprint,
    request_id = excluded.request_id,
    state = 'claimed',
    deadline_at = null,
    answer = null,
    expires_at = excluded.expires_at
  where record.expires_at <= clock_timestamp()
    or (record.state = 'claimed' and record.request_id = $3 and record.fingerprint = $2)
  returning 1
)
select 'claimed' as type, null as request_id, null as deadline_at, null as answer from taken
union all
select
  case when fingerprint <> $2 then 'other-body' when state = 'finished' then 'finished' else 'running' end,
  request_id,
  deadline_at,
  case when fingerprint = $2 then answer end
from others`;

/** $3 deadline, $4 lifetime in ms. */
export const queueSql = `
update ingress.idempotency_records
set state = 'queued', deadline_at = $3, expires_at = ${inMs('$4::float8')}
where scope = $1 and request_id = $2 and state <> 'finished' and expires_at > clock_timestamp()`;

/** $3 answer, null for none, $4 lifetime in ms. */
export const finishSql = `
update ingress.idempotency_records
set state = 'finished', answer = $3, expires_at = greatest(expires_at, ${inMs('$4::float8')})
where scope = $1 and request_id = $2 and state = 'queued' and expires_at > clock_timestamp()`;

export const isFinishedSql = `
select from ingress.idempotency_records
where scope = $1 and request_id = $2 and state = 'finished' and expires_at > clock_timestamp()`;

export const forgetSql = `
delete from ingress.idempotency_records where scope = $1 and request_id = $2 and state <> 'finished'`;

/** $3 lifetime in ms. */
export const discardSql = `
update ingress.idempotency_records
set answer = null, expires_at = ${inMs('$3::float8')}
where scope = $1 and request_id = $2 and state = 'finished' and answer is not null`;

/** $1 records at most. One that is being taken over is left alone. */
export const removeExpiredSql = `
delete from ingress.idempotency_records
where scope in (
  select scope from ingress.idempotency_records
  where expires_at <= clock_timestamp()
  order by expires_at
  limit $1
  for update skip locked
)`;
