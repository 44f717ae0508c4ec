import { admissionFunctions } from './redis-admission-functions.ts';

/**
 * KEYS: tag. ARGV: call id, the time ('' for the server's own), milliseconds until it expires, input cost, output price,
 * input tokens, cap, least cap, tokens, money only, day of the witness ('' for none), which tokens count per minute; then per account: key, budget, token budget, requests, tokens,
 * parallel requests ('' for none).
 * Answers `again` (call it again: there was more to sweep than one run may take), `unknown` with the positions of
 * accounts to seed, or the result's type and numbers as redis-admission.ts reads them.
 */
export const reserveScript = `${admissionFunctions}
local sweepMax, windowMs, million, dayMs = 64, 60000, 1000000, 24 * 3600 * 1000

local id, now = ARGV[1], tonumber(ARGV[2]) or serverTime()
local expires = now + tonumber(ARGV[3])
local inputCost, price, inputTokens = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local cap, capMin, tokens = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local limited = ARGV[10] ~= '1'
local day, counted = ARGV[11], ARGV[12]

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
  for i = 13, #ARGV, 6 do
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
    reply[n + 7] = account.parallelMax and math.max(0, account.parallelMax - account.parallel) or false
    reply[n + 8] = account.window > 0 and account.window + windowMs - now or 0
    n = n + 8
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
  'counted', counted, 'slot', limited and 1 or 0, 'known', 0, 'expires', int(expires) }
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
    account.parallel = account.parallel + 1
    redis.call('HSET', key, 'reserved', int(account.reserved), 'reservedTokens', int(account.reservedTokens),
      'parallel', int(account.parallel), 'requests', int(account.requests), 'tokens', int(account.tokens))
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
