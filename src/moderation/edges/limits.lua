-- Every limit of one submission (GCRA): all buckets are asked, then all are charged, or none.
--
-- KEYS  one per bucket, then one per fingerprint, all in one hash slot
-- ARGV  time in microseconds (0: the server's), number of buckets, seconds a fingerprint is remembered,
--       then per bucket: interval, tolerance (microseconds), weight, 1 if soft
-- Out   keys healed, then per bucket: microseconds to wait, uses left, microseconds until whole; then a count per fingerprint
--
-- A bucket is one integer, the time at which it is whole again. Written with %.0f: Lua's tostring keeps 14 digits only.
local now, count, memory = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local healed = 0
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'string' and value:find('^%d+$') then
    return tonumber(value)
  end
  if value then -- another type, or no number: not ours, and it must not block a reader for ever
    redis.call('DEL', key)
    healed = healed + 1
  end
  return 0
end

local full, waits, allowed = {}, {}, true
for i = 1, count do
  local interval, tolerance, weight = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2])
  -- never further away than a bucket used up: heals a clock set back and a window made shorter
  full[i] = math.min(math.max(read(KEYS[i]), now), now + tolerance)
  waits[i] = math.max(0, full[i] + interval * weight - now - tolerance)
  if waits[i] > 0 and ARGV[4 * i + 3] == '0' then
    allowed = false
  end
end

local out = { 0 }
for i = 1, count do
  local interval, tolerance, weight = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2])
  if allowed and waits[i] == 0 then
    full[i] = full[i] + interval * weight
    redis.call('SET', KEYS[i], string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
  end
  out[#out + 1] = waits[i]
  out[#out + 1] = math.floor((now + tolerance - full[i]) / interval)
  out[#out + 1] = full[i] - now
end

for i = count + 1, #KEYS do
  local seen = read(KEYS[i])
  if allowed and redis.call('INCR', KEYS[i]) == 1 then
    redis.call('EXPIRE', KEYS[i], memory)
  end
  out[#out + 1] = seen
end
out[1] = healed
return out
