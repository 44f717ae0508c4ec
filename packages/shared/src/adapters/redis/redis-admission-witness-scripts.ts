/**
 * The witness of admission: how many calls were admitted on each UTC day, and how they ended. Part of the scripts that
 * reserve and end calls, so that it counts in their atomic steps.
 *
 *   …:witness:<day>          hash  admitted, booked, voided, expired; epoch: names this life of the counters, which begin
 *                                  anew when Redis is lost. <day>: days since 1970-01-01
 *   …:witness:<day>:expired  list  `<call id> <nano-USD> <1: its cost was known>` of the last thousand that expired
 *   …:unbooked:<call id>     `<day> <voided or expired>`: its reservation has ended, and no row was booked so far
 */
export const witnessFunctions = `
local function witnessAt(day) return prefix .. 'witness:' .. day end
local function unbookedAt(id) return prefix .. 'unbooked:' .. id end

local function witnessAdmitted(day, id)
  local key = witnessAt(day)
  if redis.call('HINCRBY', key, 'admitted', 1) == 1 then
    redis.call('HSET', key, 'epoch', id)
    redis.call('EXPIRE', key, retention)
  end
end

-- Each admitted call ends once: booked, or voided or expired, from which a row that comes late turns it to booked.
local function witnessEnd(call, how)
  if not call.day then return end
  local day = int(call.day)
  redis.call('HINCRBY', witnessAt(day), how, 1)
  if how == 'booked' then return end
  redis.call('SET', unbookedAt(call.id), day .. ' ' .. how, 'EX', retention)
  if how == 'expired' then
    local list = witnessAt(day) .. ':expired'
    redis.call('LPUSH', list, call.id .. ' ' .. int(call.amount) .. ' ' .. int(call.known))
    redis.call('LTRIM', list, 0, 999)
    redis.call('EXPIRE', list, retention)
  end
end

local function witnessBookedLate(id)
  local ended = redis.call('GET', unbookedAt(id))
  if not ended then return end
  local day, how = string.match(ended, '^(%d+) (%a+)$')
  redis.call('HINCRBY', witnessAt(day), how, -1)
  redis.call('HINCRBY', witnessAt(day), 'booked', 1)
  redis.call('DEL', unbookedAt(id))
end
`;

/** KEYS: tag. ARGV: ids of calls that are booked, and may have ended unheard. */
export const noteBookedScript = `
local prefix = KEYS[1] .. ':'
local retention = 35 * 24 * 3600
local function int(n) return string.format('%.0f', n) end
${witnessFunctions}
for _, id in ipairs(ARGV) do witnessBookedLate(id) end
return 1
`;

/**
 * KEYS: tag. ARGV: account keys. For each: settled, version, reserved, parallel, settledTokens, reservedTokens; then amount, slots and tokens as its
 * calls add up to, or '' when they are too many to be counted in one step. '' for what is not there.
 */
export const inspectScript = `
local prefix = KEYS[1] .. ':'
local callsMax = 5000
local reply = {}
for _, name in ipairs(ARGV) do
  local known = redis.call('HMGET', prefix .. 'account:' .. name, 'settled', 'version', 'reserved', 'parallel',
    'settledTokens', 'reservedTokens')
  for i = 1, 6 do reply[#reply + 1] = known[i] or '' end
  local calls = prefix .. 'calls:' .. name
  local amount, slots, tokens = '', '', ''
  if redis.call('ZCARD', calls) <= callsMax then
    amount, slots, tokens = 0, 0, 0
    for _, id in ipairs(redis.call('ZRANGE', calls, 0, -1)) do
      local call = redis.call('HMGET', prefix .. 'call:' .. id, 'amount', 'slot', 'amountTokens')
      if call[1] then amount, slots, tokens = amount + call[1], slots + call[2], tokens + (call[3] or 0) end
    end
    amount, slots, tokens = string.format('%.0f', amount), string.format('%.0f', slots), string.format('%.0f', tokens)
  end
  reply[#reply + 1] = amount
  reply[#reply + 1] = slots
  reply[#reply + 1] = tokens
end
return reply
`;

/**
 * KEYS: tag. ARGV: account key, settled, version, reserved, parallel and both sums of tokens as they were seen. Forgets the account's sums, if
 * they still are those, so that the next decision asks the books; its version too, which may be ahead of them.
 */
export const forgetScript = `
local key = KEYS[1] .. ':account:' .. ARGV[1]
local fields = { 'settled', 'version', 'reserved', 'parallel', 'settledTokens', 'reservedTokens' }
local known = redis.call('HMGET', key, unpack(fields))
for i = 1, 6 do
  if (known[i] or '') ~= ARGV[i + 1] then return 0 end
end
redis.call('HDEL', key, unpack(fields))
return 1
`;
