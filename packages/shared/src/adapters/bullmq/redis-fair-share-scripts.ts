import { fairShareFunctions } from './redis-fair-share-functions.ts';
import { outputAverageGain, owedShare, rateMemoryMs, rateWindowMs, roomShare, touchedMs } from './fair-share-units.ts';

// The Lua scripts of redis-fair-share.ts. Redis runs a script alone and to its end, so each is one atomic step.

/**
 * KEYS: as fairShareFunctions says. ARGV: first score, range, now; `place` or `outlook`, job id, flow, priority, weight, input tokens,
 * output cap, priority when given back, when the charge expires.
 * Answers: jobs ahead, jobs waiting, completions per second.
 */
export const placeScript = `${fairShareFunctions}
local isReal, id, flow = ARGV[4] == 'place', ARGV[5], ARGV[6]
local priority, weight = tonumber(ARGV[7]), tonumber(ARGV[8])
local jobKey, chargeKey = bull .. id, own .. 'charge:' .. id
local index, flowKey = indexAt(flow), flowAt(flow)

local line = redis.call('HMGET', lineKey, 'count', 'busy', 'last', 'at', 'out', 'top')
-- Only BullMQ changes how many wait, and not while this runs.
local takenOver, placed = redis.call('LLEN', bull .. 'wait'), redis.call('ZCARD', waitingKey)
local function outlook(score)
  local ahead = takenOver + redis.call('ZCOUNT', waitingKey, '-inf', '(' .. int(score))
  return { int(ahead), int(takenOver + placed), perSecond(line) }
end

local score = redis.call('ZSCORE', waitingKey, id)
-- What waits has a hash, so only what does not is asked for it.
if isReal and ((not score and redis.call('EXISTS', jobKey) == 0) or redis.call('EXISTS', chargeKey) == 1) then
  return outlook(tonumber(score or 0))
end
-- Taken at once, and nobody waits: nobody was passed over, and nobody owes anything when the next line forms.
if not score and takenOver + placed == 0 then
  if isReal then redis.call('HSET', jobKey, 'priority', ARGV[11]) end
  return { '0', '0', perSecond(line) }
end

local fields, finishes = readFlow(flow)
local average = tonumber(fields['out'] or line[5] or nil)
local outputTokens = tonumber(ARGV[10])
if average then outputTokens = math.min(outputTokens, average) end
local cost = costOf(tonumber(ARGV[9]), outputTokens, weight)

local virtual, isBusy = present(line[6])
local finishMax, soonest, hasLater = virtual, virtual, false
for other, finish in pairs(finishes) do
  finishMax = math.max(finishMax, finish)
  if other <= priority then soonest = math.max(soonest, finish) end
  if other > priority and finish > virtual then hasLater = true end
end

if isReal and virtual > 0 and (finishMax + cost >= range or (not isBusy and virtual > range / 2)) then
  rebase(virtual)
  fields, finishes = readFlow(flow)
  line[6] = redis.call('HGET', lineKey, 'top')
  finishMax, soonest, virtual = finishMax - virtual, soonest - virtual, 0
end
if isReal then dropPassed(index, virtual) end

local set = {}
-- Behind all of the flow that is not for later; before what is for later, if any of it still waits.
local start = finishMax
local later = hasLater and redis.call('ZRANGEBYSCORE', index, int(soonest), '+inf', 'WITHSCORES') or {}
if later[1] then
  local first = tonumber(later[2])
  local from, to = string.match(fields['room'] or '', '^(%d+)-(%d+)$')
  local room = math.max(soonest, tonumber(from or range))
  if tonumber(to) == first and room + cost <= first then
    start = room
  else
    start = math.max(soonest, first)
    if isReal then
      local by = cost * math.ceil(#later / 2 / ${roomShare})
      move(later, by, index, start + cost)
      first = math.min(range - 1, first + by)
      for other, finish in pairs(finishes) do
        if other > priority and finish > start then finishes[other] = finish + by end
      end
    end
  end
  set = { 'room', int(start + cost) .. '-' .. int(first) }
end
start = math.min(start, range - 1)
if not isReal then return outlook(base + start) end

finishes[priority] = math.min(start + cost, range - 1)
local top = 0
for other, finish in pairs(finishes) do
  finish = math.min(finish, range - 1)
  top = math.max(top, finish)
  local field = 'finish:' .. other
  -- What lies in the past says nothing.
  if finish > virtual then
    set[#set + 1], set[#set + 2] = field, int(finish)
  elseif fields[field] then
    redis.call('HDEL', flowKey, field)
  end
end
-- Lives are moved out now and then: each costs as much as the rest of what is written.
local isStale = math.abs(now - tonumber(fields['touched'] or 0)) > ${touchedMs}
if isStale then set[#set + 1], set[#set + 2] = 'touched', int(now) end
if #set > 0 then redis.call('HSET', flowKey, unpack(set)) end
if top > tonumber(line[6] or 0) then redis.call('HSET', lineKey, 'top', int(top)) end
redis.call('SET', chargeKey, int(cost), 'PXAT', ARGV[12])
redis.call('HSET', jobKey, 'priority', ARGV[11])
if score then
  redis.call('ZADD', waitingKey, 'XX', int(base + start), id)
  redis.call('ZADD', index, int(start), id)
  redis.call('PEXPIRE', index, retention)
end
if isStale then
  redis.call('SADD', flowsKey, flow)
  for _, key in ipairs({ lineKey, flowsKey, flowKey }) do redis.call('PEXPIRE', key, retention) end
end
return outlook(base + start)
`;

/**
 * KEYS: as fairShareFunctions says. ARGV: first score, range, now; then for each correction: its now, job id, flow, weight, input tokens,
 * output tokens, outcome. What they share is read once and written once: a job's own part is one GETDEL.
 */
export const correctScript = `${fairShareFunctions}
local read = redis.call('HMGET', lineKey, 'count', 'busy', 'last', 'at', 'out', 'top')
local line = { count = tonumber(read[1] or 0), busy = tonumber(read[2] or 0), last = tonumber(read[3] or 0),
  at = tonumber(read[4] or 0), out = tonumber(read[5] or nil), top = tonumber(read[6] or 0) }
local changed = {}
local function put(field, value, text)
  line[field], changed[field] = value, text
end

-- Only BullMQ changes how many wait, and not while this runs.
local isLine = waitingCount() > 0
local flows = {}
local function flowOf(name)
  local flow = flows[name]
  if flow then return flow end
  flow = { key = flowAt(name), index = indexAt(name), set = {}, gone = {} }
  flow.fields, flow.finishes = readFlow(name)
  flows[name] = flow
  return flow
end
local function putInto(flow, field, text)
  flow.fields[field], flow.set[field], flow.gone[field] = text, text, nil
end
local function dropFrom(flow, field)
  if flow.fields[field] then flow.fields[field], flow.set[field], flow.gone[field] = nil, nil, true end
end

-- Both hold until jobs are moved.
local virtual = nil
local function presentNow()
  virtual = virtual or present(line.top)
  return virtual
end
local function waitingOf(flow)
  if not flow.count then
    dropPassed(flow.index, presentNow())
    flow.count = redis.call('ZCARD', flow.index)
  end
  return flow.count
end

local function learned(average, outputTokens)
  average = tonumber(average or nil)
  return average and average + (outputTokens - average) * ${outputAverageGain} or outputTokens
end

local function countCompletion()
  local count, busy, last, at = line.count, line.busy, line.last, line.at
  if last == 0 and now - at > ${rateMemoryMs} then count, busy = 0, 0 end
  if last > 0 then
    local elapsed = math.max(0, now - last)
    local left = math.exp(-elapsed / ${rateWindowMs})
    count, busy = count * left + 1, busy * left + elapsed
  end
  last, at = isLine and math.max(now, last) or 0, math.max(now, at)
  put('count', count, float(count))
  put('busy', busy, float(busy))
  put('last', last, int(last))
  put('at', at, int(at))
end

local function correct(id, flow, weight, inputTokens, outputTokens, outcome)
  if outcome == 'answered' then
    local average = learned(line.out, outputTokens)
    put('out', average, float(average))
    putInto(flow, 'out', float(learned(flow.fields['out'], outputTokens)))
    flow.isLearned = true
  end
  if outcome == 'withdrawn' then
    redis.call('ZREM', flow.index, id)
    flow.count = nil
  else
    countCompletion()
  end

  local charged = tonumber(redis.call('GETDEL', own .. 'charge:' .. id) or nil)
  if not charged then return end
  local used = (inputTokens + outputTokens > 0) and costOf(inputTokens, outputTokens, weight) or 0
  local owed = tonumber(flow.fields['owed'] or 0) + used - charged
  if owed == 0 then return dropFrom(flow, 'owed') end

  local count = waitingOf(flow)
  if math.abs(owed) * ${owedShare} < count * math.max(charged, 1) then return putInto(flow, 'owed', int(owed)) end
  dropFrom(flow, 'owed')
  dropFrom(flow, 'room')
  local lastBefore, lastAfter = -1, -1
  if count > 0 then
    local jobs = redis.call('ZRANGE', flow.index, 0, -1, 'WITHSCORES')
    lastBefore, lastAfter = tonumber(jobs[#jobs]), move(jobs, owed, flow.index, presentNow())
  end
  local top = line.top
  for priority, finish in pairs(flow.finishes) do
    local moved = math.max(0, finish + owed)
    if finish > lastBefore then moved = math.max(moved, lastAfter + 1) end
    moved = math.min(moved, range - 1)
    flow.finishes[priority] = moved
    putInto(flow, 'finish:' .. priority, int(moved))
    top = math.max(top, moved)
  end
  put('top', top, int(top))
  virtual = nil
  for _, other in pairs(flows) do other.count = nil end
end

local function write(key, fields)
  local list = {}
  for field, text in pairs(fields) do list[#list + 1], list[#list + 2] = field, text end
  if #list > 0 then redis.call('HSET', key, unpack(list)) end
end

for i = 4, #ARGV, 7 do
  now = tonumber(ARGV[i])
  correct(ARGV[i + 1], flowOf(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]), ARGV[i + 6])
end
for _, flow in pairs(flows) do
  for field in pairs(flow.gone) do redis.call('HDEL', flow.key, field) end
  write(flow.key, flow.set)
  if flow.isLearned then redis.call('PEXPIRE', flow.key, retention) end
end
if next(changed) then
  write(lineKey, changed)
  redis.call('PEXPIRE', lineKey, retention)
end
return 1
`;

/** KEYS: as fairShareFunctions says. ARGV: first score, range, now. Answers: waiting, when the oldest came, per second. */
export const lineScript = `${fairShareFunctions}
local oldest = nil
local function consider(id)
  local at = id and tonumber(redis.call('HGET', bull .. id, 'timestamp') or nil)
  if at and (not oldest or at < oldest) then oldest = at end
end
local waiting = waitingCount()
if waiting > 0 then
  consider(redis.call('LRANGE', bull .. 'wait', -1, -1)[1])
  -- A flow's oldest is its first, so long as it uses no priorities.
  for _, flow in ipairs(redis.call('SRANDMEMBER', flowsKey, 1000)) do
    local index = indexAt(flow)
    dropPassed(index, (present()))
    local id = redis.call('ZRANGE', index, 0, 0)[1]
    if id and redis.call('ZSCORE', waitingKey, id) then consider(id) end
  end
end
local line = redis.call('HMGET', lineKey, 'count', 'busy', 'last', 'at')
return { int(waiting), oldest and int(oldest) or '', perSecond(line) }
`;
