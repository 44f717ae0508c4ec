/**
 * The Lua scripts of redis-idempotency-store.ts. Redis runs a script alone and to its end, so each is one atomic step.
 * KEYS[1] is the record, a hash: fingerprint, request, state (claimed, queued, finished), deadline, answer (compressed;
 * absent when it cannot be given again). Its expiry is the lease of a claim, and later how long it is kept.
 */

/** ARGV: fingerprint, request, lease in ms. Answers a type, then the owner, then the deadline or the answer. */
export const beginScript = `
local record = redis.call('HMGET', KEYS[1], 'fingerprint', 'request', 'state', 'deadline')
if not record[1] then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'request', ARGV[2], 'state', 'claimed')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return { 'claimed' }
end
if record[1] ~= ARGV[1] then return { 'other-body', record[2] } end
if record[3] == 'finished' then
  return { 'finished', record[2], redis.call('HGET', KEYS[1], 'answer') or '' }
end
if record[3] == 'claimed' and record[2] == ARGV[2] then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return { 'claimed' }
end
return { 'running', record[2], record[4] or '' }
`;

/** ARGV: request, deadline, lifetime in ms. Answers 1 if the request may run. */
export const queueScript = `
local record = redis.call('HMGET', KEYS[1], 'request', 'state')
if record[1] ~= ARGV[1] or record[2] == 'finished' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'queued', 'deadline', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`;

/** ARGV: request, answer ('' for none), lifetime in ms, unless it has longer to live. */
export const finishScript = `
local record = redis.call('HMGET', KEYS[1], 'request', 'state')
if record[1] ~= ARGV[1] or record[2] ~= 'queued' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'finished')
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'answer', ARGV[2]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
`;

/** ARGV: request. */
export const forgetScript = `
local record = redis.call('HMGET', KEYS[1], 'request', 'state')
if record[1] ~= ARGV[1] or record[2] == 'finished' then return 0 end
return redis.call('DEL', KEYS[1])
`;

/** ARGV: request, lifetime in ms. */
export const discardScript = `
local record = redis.call('HMGET', KEYS[1], 'request', 'state')
if record[1] ~= ARGV[1] or record[2] ~= 'finished' then return 0 end
if redis.call('HDEL', KEYS[1], 'answer') == 0 then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;
