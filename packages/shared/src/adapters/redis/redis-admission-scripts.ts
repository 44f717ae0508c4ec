import { witnessFunctions } from './redis-admission-witness-scripts.ts';

/**
 * The Lua scripts of redis-admission.ts. Redis runs a script alone and to its end, so each is one atomic step.
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
 *   …:call:<call id>         hash  amount, amountTokens (reserved); cap, tokens (counted per minute), slot (1 until
 *                                  freed), known (1: the cost is final), expires;
 *                                  `on:<account key>` = the rate window that the call was counted in, per account
 *   …:epoch                  when these counters began: at the first start, or after Redis lost its data
 *   …:witness:<day>, …:unbooked:<call id>   see redis-admission-witness-scripts.ts
 *   …:room                   channel: account keys that have got more room
 *
 * The call hashes are the truth about reservations, `reserved`, `reservedTokens` and `parallel` their sums: an account
 * that lost its hash gets them back by counting. Numbers are integers below 2^53 and go through `int`, as Lua would
 * print 1e+15.
 */
const common = `
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
    else
      call[fields[i]] = tonumber(fields[i + 1])
    end
  end
  return call
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

local function release(call)
  local by = { amount = -call.amount, amountTokens = -call.amountTokens, slots = -call.slot, tokens = 0 }
  for name in pairs(call.windows) do
    redis.call('ZREM', callsAt(name), call.id)
    change(name, by, nil)
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

/**
 * KEYS: tag. ARGV: call id, the time ('' for the server's own), milliseconds until it expires, input cost, output price,
 * input tokens, cap, least cap, tokens, money only, day of the witness ('' for none); then per account: key, budget, token budget, requests, tokens,
 * parallel requests ('' for none).
 * Answers `again` (call it again: there was more to sweep than one run may take), `unknown` with the positions of
 * accounts to seed, or the result's type and numbers as redis-admission.ts reads them.
 */
export const reserveScript = `${common}
local sweepMax, windowMs, million, dayMs = 64, 60000, 1000000, 24 * 3600 * 1000

local id, now = ARGV[1], tonumber(ARGV[2]) or serverTime()
local expires = now + tonumber(ARGV[3])
local inputCost, price, inputTokens = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local cap, capMin, tokens = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local limited = ARGV[10] ~= '1'
local day = ARGV[11]

-- The product is split so that each part stays below 2^53. fmod is exact where % is not.
local priceRest = math.fmod(price, million)
local priceWhole = (price - priceRest) / million
local function need(outputTokens)
  local small = outputTokens * priceRest
  local rest = math.fmod(small, million)
  return inputCost + outputTokens * priceWhole + (small - rest) / million + (rest > 0 and 1 or 0)
end

local function readAccounts()
  local accounts = {}
  for i = 12, #ARGV, 6 do
    local name = ARGV[i]
    local key = accountAt(name)
    local known = redis.call('HMGET', key, 'settled', 'settledTokens', 'reserved', 'reservedTokens', 'parallel',
      'window', 'requests', 'tokens', 'due', 'touched', 'held')
    local window = tonumber(known[6] or 0)
    -- A window far ahead was begun by a clock that was wrong.
    local open = window > 0 and now - window < windowMs and window - now <= windowMs
    accounts[#accounts + 1] = {
      name = name,
      key = key,
      budget = tonumber(ARGV[i + 1]),
      tokenBudget = tonumber(ARGV[i + 2]),
      requestsMax = tonumber(ARGV[i + 3]),
      tokensMax = tonumber(ARGV[i + 4]),
      parallelMax = tonumber(ARGV[i + 5]),
      known = known[1] and known[2],
      settled = tonumber(known[1] or 0),
      settledTokens = tonumber(known[2] or 0),
      reserved = tonumber(known[3] or 0),
      reservedTokens = tonumber(known[4] or 0),
      parallel = tonumber(known[5] or 0),
      window = open and window or 0,
      requests = open and tonumber(known[7] or 0) or 0,
      tokens = open and tonumber(known[8] or 0) or 0,
      due = tonumber(known[9] or 0),
      touched = tonumber(known[10] or 0),
      held = known[11],
    }
  end
  return accounts
end

local accounts, swept, left = readAccounts(), false, sweepMax
for _, account in ipairs(accounts) do
  if account.due <= now then
    swept = true
    local due = redis.call('ZRANGEBYSCORE', callsAt(account.name), '-inf', int(now), 'LIMIT', 0, left)
    for _, dueId in ipairs(due) do expire(dueId, account.name) end
    left = left - #due
    if left == 0 then return { 'again' } end
    if account.known then
      local first = redis.call('ZRANGE', callsAt(account.name), 0, 0, 'WITHSCORES')
      redis.call('HSET', account.key, 'due', first[2] or int(never))
    end
  end
end

local call = readCall(id)
if call and call.expires <= now then
  expire(id)
  call, swept = nil, true
end
if swept then accounts = readAccounts() end

local unknown = { 'unknown' }
for index, account in ipairs(accounts) do
  if not account.known then unknown[#unknown + 1] = index end
end
if #unknown > 1 then return unknown end

-- Numbers of a reply are integers as they are; false stands for no limit.
local function admitted(outputTokens, amount)
  local reply, n = { 'admitted', outputTokens, amount }, 3
  for _, account in ipairs(accounts) do
    reply[n + 1], reply[n + 2] = account.settled, account.reserved
    reply[n + 3], reply[n + 4] = account.settledTokens, account.reservedTokens
    reply[n + 5] = account.requestsMax and math.max(0, account.requestsMax - account.requests) or false
    reply[n + 6] = account.tokensMax and math.max(0, account.tokensMax - account.tokens) or false
    reply[n + 7] = account.window > 0 and account.window + windowMs - now or 0
    n = n + 7
  end
  return reply
end

-- The reply to the first try was lost.
if call then return admitted(call.cap, call.amount) end

local free = inputCost == 0 and price == 0
local neededTokens, leastTokens = inputTokens + cap, inputTokens + capMin
local needed, least = need(cap), need(capMin)
local waitOn, room, tokenRoom = nil, nil, nil
for index, account in ipairs(accounts) do
  local budget, tokenBudget = not free and account.budget, account.tokenBudget
  local busy = false
  if budget then
    local unspent = budget - account.settled
    if unspent <= 0 or least > unspent then
      return { 'over-budget', index, 'money', account.settled, budget, least }
    end
    if needed > unspent - account.reserved then
      busy = account.reserved > 0
      room = math.min(room or unspent, unspent)
    end
  end
  if tokenBudget then
    local unspent = tokenBudget - account.settledTokens
    if unspent <= 0 or leastTokens > unspent then
      return { 'over-budget', index, 'tokens', account.settledTokens, tokenBudget, leastTokens }
    end
    if neededTokens > unspent - account.reservedTokens then
      busy = busy or account.reservedTokens > 0
      tokenRoom = math.min(tokenRoom or unspent, unspent)
    end
  end
  if account.held and (budget or tokenBudget) then
    if serverTime() < tonumber(account.held) then busy = true else redis.call('HDEL', account.key, 'held') end
  end
  if busy then waitOn = waitOn or index end
end
if waitOn then
  local account = accounts[waitOn]
  -- Sums that no call stands behind, such as an older version's calls leave, are counted again.
  if (account.reserved > 0 or account.reservedTokens > 0) and redis.call('EXISTS', callsAt(account.name)) == 0 then
    redis.call('HDEL', account.key, 'settled')
    return { 'unknown', waitOn }
  end
  redis.call('HSET', account.key, 'waiting', int(now))
  return { 'wait', waitOn }
end

-- Nothing is reserved on accounts that are short, the least cap fits and the asked one does not: search between.
if tokenRoom then cap = math.min(cap, tokenRoom - inputTokens) end
if room and need(cap) > room then
  local fits, tooMuch = capMin, cap
  while tooMuch - fits > 1 do
    local middle = math.floor((fits + tooMuch) / 2)
    if need(middle) <= room then fits = middle else tooMuch = middle end
  end
  cap = fits
end
needed, neededTokens = need(cap), inputTokens + cap

if limited then
  -- The first limit that refuses is named; the last that would let in again says when.
  local refusal, leftMost = nil, 0
  for index, account in ipairs(accounts) do
    local windowLeft = account.window > 0 and account.window + windowMs - now or windowMs
    local requestsMax, tokensMax, parallelMax = account.requestsMax, account.tokensMax, account.parallelMax
    if requestsMax and account.requests + 1 > requestsMax then
      refusal = refusal or { 'rate-limited', index, 'requests', requestsMax, account.requests, 1 }
      leftMost = math.max(leftMost, windowLeft)
    end
    if tokensMax and account.tokens + tokens > tokensMax then
      refusal = refusal or { 'rate-limited', index, 'tokens', tokensMax, account.tokens, tokens }
      leftMost = math.max(leftMost, windowLeft)
    end
    if parallelMax and account.parallel + 1 > parallelMax then
      refusal = refusal or { 'rate-limited', index, 'max_parallel_requests', parallelMax, account.parallel, 1 }
    end
  end
  if refusal then
    refusal[5] = math.max(0, refusal[4] - refusal[5])
    refusal[7] = leftMost
    return refusal
  end
end

local entry = { 'amount', int(needed), 'amountTokens', int(neededTokens), 'cap', int(cap), 'tokens', ARGV[9],
  'slot', limited and 1 or 0, 'known', 0, 'expires', int(expires) }
for _, account in ipairs(accounts) do
  local key, calls = account.key, callsAt(account.name)
  local isFirst = account.reserved == 0 and account.reservedTokens == 0 and account.parallel == 0
  account.reserved, account.reservedTokens = account.reserved + needed, account.reservedTokens + neededTokens
  if limited then
    if account.window == 0 then
      account.window = now
      redis.call('HSET', key, 'window', int(now))
    end
    account.requests, account.tokens = account.requests + 1, account.tokens + tokens
    redis.call('HSET', key, 'reserved', int(account.reserved), 'reservedTokens', int(account.reservedTokens),
      'parallel', int(account.parallel + 1), 'requests', int(account.requests), 'tokens', int(account.tokens))
  else
    redis.call('HSET', key, 'reserved', int(account.reserved), 'reservedTokens', int(account.reservedTokens))
  end
  redis.call('ZADD', calls, int(expires), id)
  if expires < account.due then redis.call('HSET', key, 'due', int(expires)) end
  local isStale = now - account.touched > dayMs
  if isStale then
    redis.call('HSET', key, 'touched', int(now))
    redis.call('EXPIRE', key, retention)
  end
  if isStale or isFirst then redis.call('EXPIRE', calls, retention) end
  entry[#entry + 1] = 'on:' .. account.name
  entry[#entry + 1] = limited and int(account.window) or ''
end
if day ~= '' then
  entry[#entry + 1] = 'day'
  entry[#entry + 1] = day
  witnessAdmitted(day, id)
end
redis.call('HSET', callAt(id), unpack(entry))
redis.call('EXPIRE', callAt(id), retention)
return admitted(cap, needed)
`;

/** KEYS: tag. ARGV: call id, cost, tokens, milliseconds by which the reservation's end moves out. */
export const shrinkScript = `${common}
local cost, tokens, extension = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local call = readCall(ARGV[1])
if not call or call.known == 1 then return 0 end

-- A call that no budget could have counted, such as a deployment's place, has nothing that the books take over.
local stays = cost > 0 or (tokens > 0 and call.amountTokens > 0)
local expires = int(call.expires + extension)
local by = { amount = cost - call.amount, amountTokens = tokens - call.amountTokens, slots = -call.slot, tokens = tokens - call.tokens }
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
return 1
`;

/**
 * KEYS: tag. ARGV: how many calls, their ids; then per account: key, settled, settled tokens, version.
 * An account that is not known is not seeded: the settlement may be an old one, come late. Its version is kept, so
 * that a reading of the books that began before this booking does not seed the account either.
 */
export const settleScript = `${common}
local calls = tonumber(ARGV[1])
for i = 2, calls + 1 do
  local call = readCall(ARGV[i])
  if call then
    witnessEnd(call, 'booked')
    release(call)
  else
    witnessBookedLate(ARGV[i])
  end
end
for i = calls + 2, #ARGV, 4 do
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
 * KEYS: tag. ARGV: milliseconds for which budgets wait in counters that have just begun; then per account: key,
 * settled, settled tokens, version, as just read from the books. Counts the calls still open.
 */
export const seedScript = `${common}
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
export const lookScript = `${common}
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
 * KEYS: tag. ARGV: ids of calls that are booked, and may have been unheard: as if they had expired. Answers how many were
 * open.
 */
export const expireScript = `${common}
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

/**
 * Brings back one call that was lost with the server's data; unless it is there.
 * KEYS: tag. ARGV: call id, amount, tokens reserved, cap, tokens, slot, milliseconds until it expires; then the account
 * keys.
 */
export const restoreScript = `${common}
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
