-- Every limit of one submission (GCRA): all buckets are asked, then all are charged, or none.
--
-- KEYS  one per bucket, then one per fingerprint, all in one hash slot
-- ARGV  time in microseconds (0: the server's), number of buckets, seconds a fingerprint is remembered,
--       then per bucket: interval, tolerance (microseconds), weight, 1 if soft
-- Out   keys healed, then per bucket: microseconds to wait, uses left, microseconds until whole,
--       then per fingerprint: its count before
--
-- A bucket is one integer, the time at which it is whole again. Written with %.0f: Lua's tostring keeps 14 digits only.
local call, floor, max = redis.call, math.floor, math.max
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

local out, charge, allowed = { healed }, {}, true
for i = 1, count do
  local a = 4 * i
  local interval, tolerance = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
  local ahead = max(kept[i] - now, 0)
  if ahead > tolerance then -- further away than a bucket used up: a clock set back, or a window made shorter
    ahead = tolerance
  end
  local charged = ahead + interval * tonumber(ARGV[a + 2])
  local wait = max(charged - tolerance, 0)
  if wait == 0 then
    charge[i] = charged
  elseif ARGV[a + 3] == '0' then
    allowed = false
  end
  out[3 * i - 1], out[3 * i], out[3 * i + 1] = wait, floor((tolerance - ahead) / interval), ahead
end

if allowed then
  for i, ahead in pairs(charge) do
    call('SET', KEYS[i], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
    out[3 * i], out[3 * i + 1] = floor((ARGV[4 * i + 1] - ahead) / ARGV[4 * i]), ahead
  end
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
