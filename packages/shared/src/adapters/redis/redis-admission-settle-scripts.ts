import { admissionFunctions } from './redis-admission-functions.ts';

// The ends of calls: as their workers tell them, as the books do, and as nobody did.

/**
 * KEYS: tag. ARGV: milliseconds by which a reservation's end moves out; per call: id, cost, tokens, those of the prompt
 * among them.
 */
export const shrinkScript = `${admissionFunctions}
local extension = tonumber(ARGV[1])

local function shrink(id, cost, tokens, inputTokens)
  local call = readCall(id)
  if not call or call.known == 1 then return end

  -- A call that no budget could have counted, such as a deployment's place, has nothing that the books take over.
  local stays = cost > 0 or (tokens > 0 and call.amountTokens > 0)
  local expires = int(call.expires + extension)
  local by = { amount = cost - call.amount, amountTokens = tokens - call.amountTokens, slots = -call.slot,
    tokens = perMinute(call, tokens, inputTokens) - call.tokens }
  if not stays then by.amountTokens = -call.amountTokens end
  for name, window in pairs(call.windows) do
    change(name, by, window)
    if stays then
      redis.call('ZADD', callsAt(name), expires, call.id)
    else
      redis.call('ZREM', callsAt(name), call.id)
    end
  end
  if stays then
    redis.call('HSET', callAt(call.id), 'amount', int(cost), 'amountTokens', int(tokens), 'slot', 0, 'known', 1, 'expires', expires)
  else
    witnessEnd(call, 'voided')
    redis.call('DEL', callAt(call.id))
  end
end

for i = 2, #ARGV, 4 do
  shrink(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]))
end
return 1
`;

/**
 * KEYS: tag. ARGV: how many calls; per call: id, tokens used, those of the prompt among them; then per account: key, settled, settled tokens, version.
 * An account that is not known is not seeded: the settlement may be an old one, come late. Its version is kept, so
 * that a reading of the books that began before this booking does not seed the account either.
 */
export const settleScript = `${admissionFunctions}
local calls = tonumber(ARGV[1])
for i = 2, 3 * calls, 3 do
  local call = readCall(ARGV[i])
  if call then
    witnessEnd(call, 'booked')
    release(call, perMinute(call, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])))
  else
    witnessBookedLate(ARGV[i])
  end
end
for i = 3 * calls + 2, #ARGV, 4 do
  local name, settled, settledTokens, version = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key = accountAt(name)
  local known = redis.call('HMGET', key, 'settled', 'version', 'waiting')
  if tonumber(version) > tonumber(known[2] or '0') then
    redis.call('HSET', key, 'version', version)
    if known[1] then
      redis.call('HSET', key, 'settled', settled, 'settledTokens', settledTokens)
      announce(name, known[3])
    else
      redis.call('EXPIRE', key, retention)
    end
  end
end
return 1
`;

/**
 * KEYS: tag. ARGV: ids of calls that are booked, and may have been unheard: as if they had expired. Answers how many were
 * open.
 */
export const expireScript = `${admissionFunctions}
local open = 0
for _, id in ipairs(ARGV) do
  if redis.call('EXISTS', callAt(id)) == 1 then
    expire(id)
    open = open + 1
  end
  witnessBookedLate(id)
end
return open
`;
