import { fairShareFunctions } from './redis-fair-share-functions.ts';
import { outputAverageGain, owedShare, rateMemoryMs, rateWindowMs, roomShare } from './fair-share-units.ts';

// The Lua scripts of redis-fair-share.ts. Redis runs a script alone and to its end, so each is one atomic step.

/**
 * KEYS: as fairShareFunctions says. ARGV: first score, range, now; `place` or `outlook`, priority when given back; then for each job: id,
 * flow, priority, weight, input tokens, output cap, when the charge expires.
 * Answers: jobs waiting, completions per second, and for each job, jobs ahead.
 */
export const placeScript = `${fairShareFunctions}
local isReal, givenBack = ARGV[4] == 'place', ARGV[5]
readLine()

-- Only BullMQ changes how many wait, and not while this runs.
local takenOver, placed = redis.call('LLEN', bull .. 'wait'), redis.call('ZCARD', waitingKey)
local function ahead(score)
  return int(takenOver + redis.call('ZCOUNT', waitingKey, '-inf', '(' .. int(score)))
end

-- A placed job never goes before who is next: the present holds until jobs are moved, or tags begin anew.
local virtual, isBusy = 0, false
if placed > 0 then virtual, isBusy = present(line.top) else virtual = line.top end

local function place(id, name, priority, weight, inputTokens, outputTokens, expiresAt)
  local jobKey, chargeKey = bull .. id, own .. 'charge:' .. id
  -- Taken at once, and nobody waits: nobody was passed over, and nobody owes anything when the next line forms.
  if takenOver + placed == 0 then
    if isReal and redis.call('EXISTS', jobKey) == 1 then redis.call('HSET', jobKey, 'priority', givenBack) end
    return '0'
  end
  local score = redis.call('ZSCORE', waitingKey, id)
  -- What waits has a hash, so only what does not is asked for it.
  if isReal and ((not score and redis.call('EXISTS', jobKey) == 0) or redis.call('EXISTS', chargeKey) == 1) then
    return ahead(tonumber(score or 0))
  end

  local flow = flowOf(name)
  local average = tonumber(flow.fields['out'] or line.out)
  if average then outputTokens = math.min(outputTokens, average) end
  local cost = costOf(inputTokens, outputTokens, weight)

  local function highest()
    local finishMax = virtual
    for _, finish in pairs(flow.finishes) do finishMax = math.max(finishMax, finish) end
    return finishMax
  end
  if isReal and virtual > 0 and (highest() + cost >= range or (not isBusy and virtual > range / 2)) then
    writeAll()
    rebase(virtual)
    flows = {}
    readLine()
    flow, virtual = flowOf(name), 0
  end
  if isReal and not flow.isFresh then
    dropPassed(flow.index, virtual)
    flow.isFresh = true
  end

  local finishes = flow.finishes
  local soonest, hasLater = virtual, false
  for other, finish in pairs(finishes) do
    if other <= priority then soonest = math.max(soonest, finish) end
    if other > priority and finish > virtual then hasLater = true end
  end
  -- Behind all of the flow that is not for later; before what is for later, if any of it still waits.
  local start, isMoved = highest(), false
  local later = hasLater and redis.call('ZRANGEBYSCORE', flow.index, int(soonest), '+inf', 'WITHSCORES') or {}
  if later[1] then
    local first = tonumber(later[2])
    local from, to = string.match(flow.fields['room'] or '', '^(%d+)-(%d+)$')
    local room = math.max(soonest, tonumber(from or range))
    if tonumber(to) == first and room + cost <= first then
      start = room
    else
      start = math.max(soonest, first)
      if isReal then
        local by = cost * math.ceil(#later / 2 / ${roomShare})
        move(later, by, flow.index, start + cost)
        isMoved = true
        first = math.min(range - 1, first + by)
        for other, finish in pairs(finishes) do
          if other > priority and finish > start then finishes[other] = finish + by end
        end
      end
    end
    if isReal then putInto(flow, 'room', int(start + cost) .. '-' .. int(first)) end
  end
  start = math.min(start, range - 1)
  if not isReal then return ahead(base + start) end

  finishes[priority] = math.min(start + cost, range - 1)
  for other, finish in pairs(finishes) do
    finish = math.min(finish, range - 1)
    if finish > line.top then putLine('top', finish, int(finish)) end
    -- What lies in the past says nothing.
    if finish > virtual then
      finishes[other] = finish
      putInto(flow, 'finish:' .. other, int(finish))
    else
      finishes[other] = nil
      dropFrom(flow, 'finish:' .. other)
    end
  end
  touch(flow)
  redis.call('SET', chargeKey, int(cost), 'PXAT', expiresAt)
  redis.call('HSET', jobKey, 'priority', givenBack)
  if score then
    redis.call('ZADD', waitingKey, 'XX', int(base + start), id)
    redis.call('ZADD', flow.index, int(start), id)
    flow.isWaiting = true
  end
  if isMoved or not isBusy then virtual, isBusy = present(line.top) end
  return ahead(base + start)
end

local reply = { int(takenOver + placed), perSecond() }
for i = 6, #ARGV, 7 do
  reply[#reply + 1] = place(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]),
    tonumber(ARGV[i + 5]), ARGV[i + 6])
end
if isReal then
  for _, flow in pairs(flows) do
    if flow.isWaiting then redis.call('PEXPIRE', flow.index, retention) end
  end
  writeAll()
end
return reply
`;

/**
 * KEYS: as fairShareFunctions says. ARGV: first score, range, now; then for each correction: its now, job id, flow, weight, input tokens,
 * output tokens, outcome. What they share is read once and written once: a job's own part is one GETDEL.
 */
export const correctScript = `${fairShareFunctions}
readLine()

-- Only BullMQ changes how many wait, and not while this runs.
local isLine = waitingCount() > 0

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
  putLine('count', count, float(count))
  putLine('busy', busy, float(busy))
  putLine('last', last, int(last))
  putLine('at', at, int(at))
end

local function correct(id, flow, weight, inputTokens, outputTokens, outcome)
  if outcome == 'answered' then
    local average = learned(line.out, outputTokens)
    putLine('out', average, float(average))
    putInto(flow, 'out', float(learned(flow.fields['out'], outputTokens)))
  end
  touch(flow)
  if outcome == 'withdrawn' then redis.call('ZREM', flow.index, id) else countCompletion() end

  local charged = tonumber(redis.call('GETDEL', own .. 'charge:' .. id) or nil)
  if not charged then return end
  local used = (inputTokens + outputTokens > 0) and costOf(inputTokens, outputTokens, weight) or 0
  flow.owed = (flow.owed or tonumber(flow.fields['owed'] or 0)) + used - charged
  flow.charged = math.max(flow.charged or 1, charged)
end

local virtual = nil

-- Moves what the flow has waiting by what it owes, unless that is little.
local function settle(flow)
  local owed = flow.owed
  if owed == 0 then return dropFrom(flow, 'owed') end
  virtual = virtual or present(line.top)
  dropPassed(flow.index, virtual)
  local count = redis.call('ZCARD', flow.index)
  if math.abs(owed) * ${owedShare} < count * flow.charged then return putInto(flow, 'owed', int(owed)) end
  dropFrom(flow, 'owed')
  dropFrom(flow, 'room')
  local lastBefore, lastAfter = -1, -1
  if count > 0 then
    local jobs = redis.call('ZRANGE', flow.index, 0, -1, 'WITHSCORES')
    lastBefore, lastAfter = tonumber(jobs[#jobs]), move(jobs, owed, flow.index, virtual)
  end
  local top = line.top
  for priority, finish in pairs(flow.finishes) do
    local moved = math.max(0, finish + owed)
    if finish > lastBefore then moved = math.max(moved, lastAfter + 1) end
    moved = math.min(moved, range - 1)
    putInto(flow, 'finish:' .. priority, int(moved))
    top = math.max(top, moved)
  end
  putLine('top', top, int(top))
end

for i = 4, #ARGV, 7 do
  now = tonumber(ARGV[i])
  correct(ARGV[i + 1], flowOf(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]), ARGV[i + 6])
end
for _, flow in pairs(flows) do
  if flow.owed then settle(flow) end
end
writeAll()
return 1
`;

/** KEYS: as fairShareFunctions says. ARGV: first score, range, now. Answers: waiting, when the oldest came, per second. */
export const lineScript = `${fairShareFunctions}
local oldest = nil
local function consider(id)
  local at = id and tonumber(redis.call('HGET', bull .. id, 'timestamp') or nil)
  if at and (not oldest or at < oldest) then oldest = at end
end
readLine()
local waiting = waitingCount()
if waiting > 0 then
  consider(redis.call('LRANGE', bull .. 'wait', -1, -1)[1])
  -- A flow's oldest is its first, so long as it uses no priorities.
  for _, flow in ipairs(redis.call('SRANDMEMBER', flowsKey, 1000)) do
    local index = indexAt(flow)
    dropPassed(index, (present(line.top)))
    local id = redis.call('ZRANGE', index, 0, 0)[1]
    if id and redis.call('ZSCORE', waitingKey, id) then consider(id) end
  end
end
return { int(waiting), oldest and int(oldest) or '', perSecond() }
`;
