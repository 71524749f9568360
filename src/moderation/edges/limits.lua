-- Every limit of one submission (GCRA): all buckets are asked, then all are charged, or none but for a penalty.
--
-- KEYS  one per bucket, then one per fingerprint, all in one hash slot
-- ARGV  time in microseconds (0: the server's), number of buckets, seconds a fingerprint is remembered,
--       then per bucket: interval, tolerance (microseconds), weight, microseconds beyond the tolerance that may be
--       charged (of a soft bucket, which refuses nothing, as -1 - so many)
-- Out   keys healed, then per bucket: microseconds to wait, uses left, microseconds until whole,
--       then per fingerprint: its count before
--
-- A bucket is one integer, the time at which it is whole again. Written with %.0f: Lua's tostring keeps 14 digits only.
local call, floor, max, min = redis.call, math.floor, math.max, math.min
if #KEYS == 0 then
  return { 0 }
end
local now, count = tonumber(ARGV[1]), tonumber(ARGV[2])
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local kept, absent, healed = call('MGET', unpack(KEYS)), {}, 0 -- MGET shows another type as absent
for i, key in ipairs(KEYS) do
  local value = kept[i]
  if not value then
    absent[#absent + 1] = key
    kept[i] = 0
  elseif value:find('^%d+$') then
    kept[i] = tonumber(value)
  else
    healed = healed + call('DEL', key)
    kept[i] = 0
  end
end
if #absent > 0 and call('EXISTS', unpack(absent)) > 0 then
  for _, key in ipairs(absent) do -- not ours, and it must not block a reader for ever
    healed = healed + call('DEL', key)
  end
end

local out, charge, penalty, allowed = { healed }, {}, {}, true
for i = 1, count do
  local a = 4 * i
  local interval, tolerance, more = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 3])
  local soft = more < 0
  local most = tolerance + (soft and -1 - more or more)
  local ahead = max(kept[i] - now, 0)
  if ahead > most then -- further away than a bucket used up: a clock set back, or a window made shorter
    ahead = most
    charge[i], penalty[i] = most, most -- kept even where refused, or every try would wait from its own now on
  end
  local charged = ahead + interval * tonumber(ARGV[a + 2])
  local wait = max(charged - tolerance, 0)
  if wait == 0 then
    charge[i] = charged
  elseif most > tolerance then
    (soft and charge or penalty)[i] = min(charged, most)
  end
  allowed = allowed and (wait == 0 or soft)
  out[3 * i - 1], out[3 * i], out[3 * i + 1] = wait, floor(max(tolerance - ahead, 0) / interval), ahead
end

for i, ahead in pairs(allowed and charge or penalty) do
  call('SET', KEYS[i], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
  if out[3 * i - 1] > 0 then
    out[3 * i - 1] = out[3 * i - 1] + ahead - out[3 * i + 1]
  end
  out[3 * i], out[3 * i + 1] = floor(max(ARGV[4 * i + 1] - ahead, 0) / ARGV[4 * i]), ahead
end

for i = count + 1, #KEYS do
  if allowed and kept[i] == 0 then
    call('SET', KEYS[i], 1, 'EX', ARGV[3])
  elseif allowed then
    call('INCR', KEYS[i])
  end
  out[#out + 1] = kept[i]
end
return out
