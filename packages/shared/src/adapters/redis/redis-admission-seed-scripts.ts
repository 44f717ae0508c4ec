import { admissionFunctions } from './redis-admission-functions.ts';

// What brings counters back that are new, or were lost.

/**
 * KEYS: tag. ARGV: milliseconds for which budgets wait in counters that have just begun; then per account: key,
 * settled, settled tokens, version, as just read from the books. Counts the calls still open.
 */
export const seedScript = `${admissionFunctions}
local now = serverTime()
local began = beganAt()
if not began then
  began = now
  redis.call('SET', prefix .. 'epoch', int(now))
end
local held = began + tonumber(ARGV[1])

for i = 2, #ARGV, 4 do
  local name, settled, settledTokens, version = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key = accountAt(name)
  local known = redis.call('HMGET', key, 'settled', 'version', 'settledTokens')
  if not (known[1] and known[3]) and tonumber(version) >= tonumber(known[2] or '0') then
    local reserved, reservedTokens, parallel, due = 0, 0, 0, never
    local calls = redis.call('ZRANGE', callsAt(name), 0, -1, 'WITHSCORES')
    for at = 1, #calls, 2 do
      local call = redis.call('HMGET', callAt(calls[at]), 'amount', 'slot', 'amountTokens')
      if call[1] then
        reserved, parallel = reserved + call[1], parallel + call[2]
        reservedTokens = reservedTokens + (call[3] or 0)
        due = math.min(due, tonumber(calls[at + 1]))
      else
        redis.call('ZREM', callsAt(name), calls[at])
      end
    end
    redis.call('HSET', key, 'settled', settled, 'settledTokens', settledTokens, 'version', version,
      'reserved', int(reserved), 'reservedTokens', int(reservedTokens), 'parallel', int(parallel), 'due', int(due))
    if now < held then redis.call('HSET', key, 'held', int(held)) end
    redis.call('EXPIRE', key, retention)
  end
end
return 1
`;

/**
 * KEYS: tag. ARGV: call ids. Answers when these counters began, then per call 1 where it is open.
 * Counters that nobody has begun yet begin now.
 */
export const lookScript = `${admissionFunctions}
local began = beganAt()
if not began then
  began = serverTime()
  redis.call('SET', prefix .. 'epoch', int(began))
end
local reply = { began }
for _, id in ipairs(ARGV) do reply[#reply + 1] = redis.call('EXISTS', callAt(id)) end
return reply
`;

/**
 * Brings back one call that was lost with the server's data; unless it is there.
 * KEYS: tag. ARGV: call id, amount, tokens reserved, cap, tokens, slot, milliseconds until it expires; then the account
 * keys.
 */
export const restoreScript = `${admissionFunctions}
local id, amount, amountTokens, slot = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[6])
local expires = int(serverTime() + tonumber(ARGV[7]))
if redis.call('EXISTS', callAt(id)) == 1 then return 0 end

local entry = { 'amount', ARGV[2], 'amountTokens', ARGV[3], 'cap', ARGV[4], 'tokens', ARGV[5], 'slot', ARGV[6],
  'known', 0, 'expires', expires }
for i = 8, #ARGV do
  local name = ARGV[i]
  redis.call('ZADD', callsAt(name), expires, id)
  redis.call('EXPIRE', callsAt(name), retention)
  change(name, { amount = amount, amountTokens = amountTokens, slots = slot, tokens = 0 }, nil)
  local due = redis.call('HGET', accountAt(name), 'due')
  if due and tonumber(expires) < tonumber(due) then redis.call('HSET', accountAt(name), 'due', expires) end
  entry[#entry + 1] = 'on:' .. name
  entry[#entry + 1] = ''
end
redis.call('HSET', callAt(id), unpack(entry))
redis.call('EXPIRE', callAt(id), retention)
return 1
`;
