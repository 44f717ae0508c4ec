import { rateCompletionsMin, rateMemoryMs, retentionMs, touchedMs, unitsPerToken } from './fair-share-units.ts';
import { outputTokenWeight } from '../../ports/fair-share.ts';

/**
 * What the Lua scripts of redis-fair-share.ts have in common, and the keys that they work on.
 *
 * KEYS[1] = `sluice:{queue}:`, BullMQ's prefix: `prioritized` (zset of what waits), `wait` (list of jobs that were
 * taken over), `<job id>` (hash). A job's place is its score there: `base` + tag. So what waits is read from where
 * it waits, however jobs come and go; no copy of it can go wrong.
 *
 * KEYS[2] = `sluice-fair:{queue}:`, ours, in the same slot of a cluster:
 *   …line            hash  top (the greatest finish), out (average output);
 *                          count, busy, last, at: completions and milliseconds of the time with a line, decaying;
 *                          when the last one came if there was a line, and when any came
 *   …flows           set   flows with state
 *   …flow:<flow>     hash  finish:<priority>; room = free room, from and to, that was made for jobs with a priority;
 *                          owed = corrections that are still to be applied; out; touched (when its end, and that of
 *                          the line and the flows, was last moved out)
 *   …index:<flow>    zset  the flow's waiting jobs by tag. Jobs that left are dropped when time has passed them
 *   …charge:<job id> string  what the job was charged
 */
export const fairShareFunctions = `
local bull, own = KEYS[1], KEYS[2]
local waitingKey, lineKey, flowsKey = bull .. 'prioritized', own .. 'line', own .. 'flows'
local function int(n) return string.format('%.0f', n) end
local function float(n) return string.format('%.17g', n) end
local function flowAt(flow) return own .. 'flow:' .. flow end
local function indexAt(flow) return own .. 'index:' .. flow end

local retention = ${retentionMs}
local base = tonumber(ARGV[1])
local range = tonumber(ARGV[2])
local now = tonumber(ARGV[3])

local function waitingCount() return redis.call('ZCARD', waitingKey) + redis.call('LLEN', bull .. 'wait') end

-- The present: the tag of who is next; when nobody waits, nobody owes anything: the greatest finish.
local function present(top)
  local first = redis.call('ZRANGEBYSCORE', waitingKey, int(base), '(' .. int(base + range), 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then return tonumber(first[2]) - base, true end
  return top, false
end

-- Drops the jobs of a flow that time has passed. Of those at the present it must be asked: one, but where the range
-- ends, where all have the same tag.
local function dropPassed(index, at)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. int(at))
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, int(at), int(at))) do
    if redis.call('ZSCORE', waitingKey, id) then return end
    redis.call('ZREM', index, id)
  end
end

local function costOf(inputTokens, outputTokens, weight)
  local tokens = inputTokens + ${outputTokenWeight} * outputTokens
  return math.max(1, math.ceil(tokens * ${unitsPerToken} / weight))
end

-- What a script knows of the line and of each flow is read once and written once, however many jobs it is run for.
local line, flows = nil, {}
local function readLine()
  local read = redis.call('HMGET', lineKey, 'count', 'busy', 'last', 'at', 'out', 'top')
  line = { count = tonumber(read[1] or 0), busy = tonumber(read[2] or 0), last = tonumber(read[3] or 0),
    at = tonumber(read[4] or 0), out = tonumber(read[5] or nil), top = tonumber(read[6] or 0), set = {} }
end
local function putLine(field, value, text)
  line[field], line.set[field] = value, text
end

-- Finishes of a flow, by priority, and its whole hash.
local function readFlow(flow)
  local raw = redis.call('HGETALL', flowAt(flow))
  local fields, finishes = {}, {}
  for i = 1, #raw, 2 do
    fields[raw[i]] = raw[i + 1]
    local priority = string.match(raw[i], '^finish:(%d+)$')
    if priority then finishes[tonumber(priority)] = tonumber(raw[i + 1]) end
  end
  return fields, finishes
end

local function flowOf(name)
  local flow = flows[name]
  if flow then return flow end
  flow = { name = name, key = flowAt(name), index = indexAt(name), set = {}, gone = {} }
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

local function write(key, fields)
  local list, n = {}, 0
  for field, text in pairs(fields) do list[n + 1], list[n + 2], n = field, text, n + 2 end
  if n > 0 then redis.call('HSET', key, unpack(list)) end
end

-- Lives are moved out now and then: each costs as much as the rest of what is written.
local function touch(flow)
  if math.abs(now - tonumber(flow.fields['touched'] or 0)) <= ${touchedMs} then return end
  putInto(flow, 'touched', int(now))
  flow.isStale = true
end

local function writeAll()
  local isStale = false
  for _, flow in pairs(flows) do
    for field in pairs(flow.gone) do redis.call('HDEL', flow.key, field) end
    write(flow.key, flow.set)
    if flow.isStale then
      redis.call('SADD', flowsKey, flow.name)
      redis.call('PEXPIRE', flow.key, retention)
      isStale = true
    end
  end
  write(lineKey, line.set)
  if isStale then
    for _, key in ipairs({ lineKey, flowsKey }) do redis.call('PEXPIRE', key, retention) end
  end
end

-- Moves jobs (id, tag, id, tag, ...; in order) by an amount, none to before the floor; they stay in order.
local function move(jobs, by, index, floor)
  local scores, tags, last = {}, {}, floor - 1
  for i = 1, #jobs, 2 do
    last = math.min(range - 1, math.max(jobs[i + 1] + by, last + 1))
    scores[#scores + 1], scores[#scores + 2] = int(base + last), jobs[i]
    tags[#tags + 1], tags[#tags + 2] = int(last), jobs[i]
    if #scores == 1000 or i + 2 > #jobs then
      redis.call('ZADD', waitingKey, 'XX', unpack(scores))
      redis.call('ZADD', index, 'XX', unpack(tags))
      scores, tags = {}, {}
    end
  end
  return last
end

-- Tags begin anew at the present. As much work as there are jobs waiting and flows; seldom.
local function rebase(by)
  local jobs = redis.call('ZRANGEBYSCORE', waitingKey, int(base), '(' .. int(base + range), 'WITHSCORES')
  for i = 1, #jobs, 2 do redis.call('ZADD', waitingKey, int(jobs[i + 1] - by), jobs[i]) end
  for _, flow in ipairs(redis.call('SMEMBERS', flowsKey)) do
    local key, index = flowAt(flow), indexAt(flow)
    local fields, finishes = readFlow(flow)
    for priority, finish in pairs(finishes) do
      local field = 'finish:' .. priority
      if finish > by then redis.call('HSET', key, field, int(finish - by)) else redis.call('HDEL', key, field) end
    end
    redis.call('HDEL', key, 'room')
    redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. int(by))
    local own = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
    for i = 1, #own, 2 do redis.call('ZADD', index, int(own[i + 1] - by), own[i]) end
    if next(fields) == nil then redis.call('SREM', flowsKey, flow) end
  end
  local top = tonumber(redis.call('HGET', lineKey, 'top') or 0)
  redis.call('HSET', lineKey, 'top', int(math.max(0, top - by)))
end

-- Completions per second, as text; '' while nobody knows.
local function perSecond()
  local count, busy, last, at = line.count, line.busy, line.last, line.at
  if count < ${rateCompletionsMin} or (last == 0 and now - at > ${rateMemoryMs}) then return '' end
  local elapsed = busy + (last > 0 and math.max(0, now - last) or 0)
  if elapsed <= 0 then return '' end
  return float(count * 1000 / elapsed)
end
`;
