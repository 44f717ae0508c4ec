import { witnessFunctions } from './redis-admission-witness-scripts.ts';

/**
 * What the Lua scripts of redis-admission.ts have in common. Redis runs a script alone and to its end, so each is one
 * atomic step.
 *
 * Keys, all under the hash tag KEYS[1] = `{sluice:admission}` and so on one node of a cluster. KEYS names only the
 * tag: which further keys a script touches is known no earlier than when it reads which calls are over.
 *
 *   …:account:<account key>  hash  settled, settledTokens, version, reserved, reservedTokens, parallel; window,
 *                                  requests, tokens (rate limits); waiting (when someone was last told to wait here);
 *                                  due (no call on it expires earlier); touched (when its own end was last moved out);
 *                                  held (budgets wait until then). No `settled` or `settledTokens`: ask the books.
 *   …:calls:<account key>    zset  the calls that have something reserved on the account, by when they expire.
 *                                  One per account: a decision must see none that is over, and so finds exactly
 *                                  those of its accounts that are due, however many others are due elsewhere.
 *   …:call:<call id>         hash  amount, amountTokens (reserved); cap, tokens (counted per minute), counted (which
 *                                  tokens are; none: total), slot (1 until freed), known (1: the cost is final),
 *                                  expires;
 *                                  `on:<account key>` = the rate window that the call was counted in, per account
 *   …:epoch                  when these counters began: at the first start, or after Redis lost its data
 *   …:witness:<day>, …:unbooked:<call id>   see redis-admission-witness-scripts.ts
 *   …:room                   channel: account keys that have got more room
 *
 * The call hashes are the truth about reservations, `reserved`, `reservedTokens` and `parallel` their sums: an account
 * that lost its hash gets them back by counting. Numbers are integers below 2^53 and go through `int`, as Lua would
 * print 1e+15.
 */
export const admissionFunctions = `
local prefix = KEYS[1] .. ':'
local function accountAt(name) return prefix .. 'account:' .. name end
local function callsAt(name) return prefix .. 'calls:' .. name end
local function callAt(id) return prefix .. 'call:' .. id end
local function int(n) return string.format('%.0f', n) end

-- Longer than any reservation lives; an idle account comes back from the books.
local retention = 35 * 24 * 3600
local never = 2 ^ 53 - 1

local function serverTime()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

${witnessFunctions}
local function readCall(id)
  local fields = redis.call('HGETALL', callAt(id))
  if #fields == 0 then return nil end
  local call = { id = id, amountTokens = 0, windows = {} }
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 3) == 'on:' then
      call.windows[string.sub(fields[i], 4)] = fields[i + 1]
    elseif fields[i] == 'counted' then
      call.counted = fields[i + 1]
    else
      call[fields[i]] = tonumber(fields[i + 1])
    end
  end
  return call
end

-- What a call counts for per minute, of the tokens that it used.
local function perMinute(call, tokens, inputTokens)
  if call.counted == 'input' then return inputTokens end
  if call.counted == 'output' then return tokens - inputTokens end
  return tokens
end

local function announce(name, waiting)
  if waiting then
    redis.call('HDEL', accountAt(name), 'waiting')
    redis.call('PUBLISH', prefix .. 'room', name)
  end
end

-- Changes what a call takes of one account. The sums of an unknown account are left alone: its seeding counts them.
local function change(name, by, window)
  local key = accountAt(name)
  local known = redis.call('HMGET', key,
    'settled', 'reserved', 'parallel', 'tokens', 'window', 'waiting', 'reservedTokens')
  if known[1] then
    redis.call('HSET', key,
      'reserved', int(math.max(0, known[2] + by.amount)),
      'reservedTokens', int(math.max(0, (known[7] or 0) + by.amountTokens)),
      'parallel', int(math.max(0, known[3] + by.slots)))
  end
  if by.tokens ~= 0 and known[5] == window then
    redis.call('HSET', key, 'tokens', int(math.max(0, known[4] + by.tokens)))
  end
  announce(name, known[6])
end

-- What the call used per minute, if that is known only now, corrects what was counted.
local function release(call, used)
  local by = { amount = -call.amount, amountTokens = -call.amountTokens, slots = -call.slot, tokens = 0 }
  if used and call.known == 0 then by.tokens = used - call.tokens end
  for name, window in pairs(call.windows) do
    redis.call('ZREM', callsAt(name), call.id)
    change(name, by, window)
  end
  redis.call('DEL', callAt(call.id))
end

-- The end of a call that nobody ended: it may have been booked, and the news of it lost. So before its room is
-- given away, the books are asked about its accounts. They count their calls then, which also covers lost calls.
local function expire(dueId, name)
  local call = readCall(dueId) or { id = dueId, amount = 0, amountTokens = 0, slot = 0, windows = { [name] = '' } }
  witnessEnd(call, 'expired')
  release(call)
  for account in pairs(call.windows) do redis.call('HDEL', accountAt(account), 'settled') end
end

local function beganAt() return tonumber(redis.call('GET', prefix .. 'epoch') or nil) end
`;
