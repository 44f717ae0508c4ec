import { witnessFunctions } from './redis-admission-witness-scripts.ts';

/**
 * The Lua scripts of redis-admission.ts. Redis runs a script alone and to its end, so each is one atomic step.
 *
 * Keys, all under the hash tag KEYS[1] = `{sluice:admission}` and so on one node of a cluster. KEYS names only the
 * tag: which further keys a script touches is known no earlier than when it reads which calls are over.
 *
 *   …:account:<account key>  hash  settled, version, reserved, parallel; window, requests, tokens (rate limits);
 *                                  waiting (when someone was last told to wait here). No `settled`: ask the books.
 *   …:calls:<account key>    zset  the calls that have something reserved on the account, by when they expire.
 *                                  One per account: a decision must see none that is over, and so finds exactly
 *                                  those of its accounts that are due, however many others are due elsewhere.
 *   …:call:<call id>         hash  amount, cap, tokens, slot (1 until freed), known (1: the cost is final), expires;
 *                                  `on:<account key>` = the rate window that the call was counted in, per account
 *   …:room                   channel: account keys that have got more room
 *   …:witness:<day>, …:unbooked:<call id>   see redis-admission-witness-scripts.ts
 *
 * The call hashes are the truth about reservations, `reserved` and `parallel` their sums: an account that lost its
 * hash gets them back by counting. Numbers are integers below 2^53 and go through `int`, as Lua would print 1e+15.
 */
const common = `
local prefix = KEYS[1] .. ':'
local function accountAt(name) return prefix .. 'account:' .. name end
local function callsAt(name) return prefix .. 'calls:' .. name end
local function callAt(id) return prefix .. 'call:' .. id end
local function int(n) return string.format('%.0f', n) end

-- Longer than any reservation lives; an idle account comes back from the books.
local retention = 35 * 24 * 3600

${witnessFunctions}
local function readCall(id)
  local fields = redis.call('HGETALL', callAt(id))
  if #fields == 0 then return nil end
  local call = { id = id, windows = {} }
  for i = 1, #fields, 2 do
    local account = string.match(fields[i], '^on:(.*)$')
    if account then
      call.windows[account] = fields[i + 1]
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
local function change(name, amount, slots, tokens, window)
  local key = accountAt(name)
  local known = redis.call('HMGET', key, 'settled', 'reserved', 'parallel', 'tokens', 'window', 'waiting')
  if known[1] then
    local reserved, parallel = math.max(0, known[2] + amount), math.max(0, known[3] + slots)
    redis.call('HSET', key, 'reserved', int(reserved), 'parallel', int(parallel))
  end
  if tokens ~= 0 and known[5] == window then
    redis.call('HSET', key, 'tokens', int(math.max(0, known[4] + tokens)))
  end
  announce(name, known[6])
end

local function release(call)
  for name in pairs(call.windows) do
    redis.call('ZREM', callsAt(name), call.id)
    change(name, -call.amount, -call.slot, 0, nil)
  end
  redis.call('DEL', callAt(call.id))
end
`;

/**
 * KEYS: tag. ARGV: call id, now, expires at, input cost, output price, cap, least cap, tokens, money only, day of the
 * witness ('' for none); then per account: key, budget, requests, tokens, parallel requests ('' for none).
 * Answers `again` (call it again: there was more to sweep than one run may take), `unknown` with the positions of
 * accounts to seed, or the result's type and numbers as redis-admission.ts reads them.
 */
export const reserveScript = `${common}
local sweepMax, windowMs, million = 64, 60000, 1000000

local id, now, expires = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local inputCost, price = tonumber(ARGV[4]), tonumber(ARGV[5])
local cap, capMin, tokens = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local limited = ARGV[9] ~= '1'
local accounts = {}
local day = ARGV[10]
for i = 11, #ARGV, 5 do
  accounts[#accounts + 1] = {
    name = ARGV[i],
    budget = tonumber(ARGV[i + 1]),
    requestsMax = tonumber(ARGV[i + 2]),
    tokensMax = tonumber(ARGV[i + 3]),
    parallelMax = tonumber(ARGV[i + 4]),
  }
end

-- The product is split so that each part stays below 2^53. fmod is exact where % is not.
local priceRest = math.fmod(price, million)
local priceWhole = (price - priceRest) / million
local function need(outputTokens)
  local small = outputTokens * priceRest
  local rest = math.fmod(small, million)
  return inputCost + outputTokens * priceWhole + (small - rest) / million + (rest > 0 and 1 or 0)
end

-- The end of a call that nobody ended: it may have been booked, and the news of it lost. So before its room is
-- given away, the books are asked about its accounts. They count their calls then, which also covers lost calls.
local function expire(dueId, name)
  local call = readCall(dueId) or { id = dueId, amount = 0, slot = 0, windows = { [name] = '' } }
  witnessEnd(call, 'expired')
  release(call)
  for account in pairs(call.windows) do redis.call('HDEL', accountAt(account), 'settled') end
end

local left = sweepMax
for _, account in ipairs(accounts) do
  local due = redis.call('ZRANGEBYSCORE', callsAt(account.name), '-inf', ARGV[2], 'LIMIT', 0, left)
  for _, dueId in ipairs(due) do expire(dueId, account.name) end
  left = left - #due
  if left == 0 then return { 'again' } end
end

local call = readCall(id)
if call and call.expires <= now then
  expire(id)
  call = nil
end

local unknown = { 'unknown' }
for index, account in ipairs(accounts) do
  local fields = { 'settled', 'reserved', 'parallel', 'window', 'requests', 'tokens' }
  local known = redis.call('HMGET', accountAt(account.name), unpack(fields))
  if known[1] then
    for i, field in ipairs(fields) do account[field] = tonumber(known[i] or nil) or 0 end
    local start = account.window
    -- A window far ahead of now was begun by a clock that was wrong.
    if start == 0 or now - start >= windowMs or start - now > windowMs then
      account.window, account.requests, account.tokens = 0, 0, 0
    end
  else
    unknown[#unknown + 1] = int(index)
  end
end
if #unknown > 1 then return unknown end

local function windowEnd(account, unopened)
  return int(account.window == 0 and unopened or account.window + windowMs)
end

local function remaining(max, used)
  return max and int(math.max(0, max - used)) or ''
end

local function admitted(outputTokens, amount)
  local reply = { 'admitted', int(outputTokens), int(amount) }
  for _, account in ipairs(accounts) do
    reply[#reply + 1] = int(account.settled)
    reply[#reply + 1] = int(account.reserved)
    reply[#reply + 1] = remaining(account.requestsMax, account.requests)
    reply[#reply + 1] = remaining(account.tokensMax, account.tokens)
    reply[#reply + 1] = windowEnd(account, now)
  end
  return reply
end

-- The reply to the first try was lost.
if call then return admitted(call.cap, call.amount) end

local needed, least = need(cap), need(capMin)
local free = inputCost == 0 and price == 0
local short, waitOn, room = false, nil, nil
for index, account in ipairs(accounts) do
  if account.budget and not free then
    local unspent = account.budget - account.settled
    if unspent <= 0 or least > unspent then
      return { 'over-budget', int(index), int(account.settled), int(account.budget), int(least) }
    end
    if needed > unspent - account.reserved then
      short = true
      if account.reserved > 0 then waitOn = waitOn or index end
      room = math.min(room or unspent, unspent)
    end
  end
end
if waitOn then
  redis.call('HSET', accountAt(accounts[waitOn].name), 'waiting', ARGV[2])
  return { 'wait', int(waitOn) }
end
if short then
  -- Nothing is reserved on the short accounts, the least cap fits and the asked one does not: search between.
  local fits, tooMuch = capMin, cap
  while tooMuch - fits > 1 do
    local middle = math.floor((fits + tooMuch) / 2)
    if need(middle) <= room then fits = middle else tooMuch = middle end
  end
  cap = fits
  needed = need(cap)
end

if limited then
  for index, account in ipairs(accounts) do
    local limits = {
      { 'requests', account.requestsMax, account.requests, 1, windowEnd(account, now + windowMs) },
      { 'tokens', account.tokensMax, account.tokens, tokens, windowEnd(account, now + windowMs) },
      { 'max_parallel_requests', account.parallelMax, account.parallel, 1, ARGV[2] },
    }
    for _, limit in ipairs(limits) do
      local kind, max, used, more, resetsAt = unpack(limit, 1, 5)
      if max and used + more > max then
        return { 'rate-limited', int(index), kind, int(max), remaining(max, used), resetsAt }
      end
    end
  end
end

local slot = limited and 1 or 0
local entry = { 'amount', int(needed), 'cap', int(cap), 'tokens', int(tokens), 'slot', slot, 'known', 0, 'expires', ARGV[3] }
for _, account in ipairs(accounts) do
  local key = accountAt(account.name)
  account.reserved = account.reserved + needed
  if limited then
    if account.window == 0 then account.window = now end
    account.requests, account.tokens = account.requests + 1, account.tokens + tokens
    redis.call('HSET', key, 'reserved', int(account.reserved), 'parallel', int(account.parallel + 1),
      'window', int(account.window), 'requests', int(account.requests), 'tokens', int(account.tokens))
  else
    redis.call('HSET', key, 'reserved', int(account.reserved))
  end
  redis.call('ZADD', callsAt(account.name), ARGV[3], id)
  redis.call('EXPIRE', key, retention)
  redis.call('EXPIRE', callsAt(account.name), retention)
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

local expires = int(call.expires + extension)
for name, window in pairs(call.windows) do
  change(name, cost - call.amount, -call.slot, tokens - call.tokens, window)
  if cost > 0 then
    redis.call('ZADD', callsAt(name), expires, call.id)
  else
    redis.call('ZREM', callsAt(name), call.id)
  end
end
if cost > 0 then
  redis.call('HSET', callAt(call.id), 'amount', int(cost), 'slot', 0, 'known', 1, 'expires', expires)
else
  witnessEnd(call, 'voided')
  redis.call('DEL', callAt(call.id)) -- nothing is left for the books to take over
end
return 1
`;

/**
 * KEYS: tag. ARGV: how many calls, their ids; then per account: key, settled, version.
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
for i = calls + 2, #ARGV, 3 do
  local name, settled, version = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = accountAt(name)
  local known = redis.call('HMGET', key, 'settled', 'version', 'waiting')
  if tonumber(version) > tonumber(known[2] or '0') then
    redis.call('HSET', key, 'version', version)
    if known[1] then
      redis.call('HSET', key, 'settled', settled)
      announce(name, known[3])
    else
      redis.call('EXPIRE', key, retention)
    end
  end
end
return 1
`;

/** KEYS: tag. ARGV: per account: key, settled, version, as just read from the books. Counts the calls still open. */
export const seedScript = `${common}
for i = 1, #ARGV, 3 do
  local name, settled, version = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = accountAt(name)
  local known = redis.call('HMGET', key, 'settled', 'version')
  if not known[1] and tonumber(version) >= tonumber(known[2] or '0') then
    local reserved, parallel = 0, 0
    for _, id in ipairs(redis.call('ZRANGE', callsAt(name), 0, -1)) do
      local call = redis.call('HMGET', callAt(id), 'amount', 'slot')
      if call[1] then
        reserved, parallel = reserved + call[1], parallel + call[2]
      else
        redis.call('ZREM', callsAt(name), id)
      end
    end
    redis.call('HSET', key, 'settled', settled, 'version', version, 'reserved', int(reserved), 'parallel', int(parallel))
    redis.call('EXPIRE', key, retention)
  end
end
return 1
`;
