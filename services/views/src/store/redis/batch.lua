-- Writes one batch if the fence's token is the expected one.
-- KEYS: the fence, the keys to set, the keys to delete.
-- ARGV: the expected token ('' for no fence), the number of keys to set, the number of fence arguments,
--       the values to set, the fence as field, value, field, value, ...
-- Returns 1 when written, 0 when another token stands there.
-- Redis does not roll back, so everything that could fail is looked at before the first write; running
-- out of memory is refused by Redis at the first write of a script, never at a later one. Tokens are
-- compared as strings: numbers are doubles here.
local sets = tonumber(ARGV[2])
local fields = tonumber(ARGV[3])
if not sets or not fields or #KEYS < 1 + sets or #ARGV ~= 3 + sets + fields or fields < 2 or fields % 2 ~= 0 then
  return redis.error_reply('ERR malformed batch')
end
local token = redis.call('HGET', KEYS[1], 'token') or ''
if token ~= ARGV[1] then
  return 0
end
for i = 1, sets do
  redis.call('SET', KEYS[1 + i], ARGV[3 + i])
end
for i = 2 + sets, #KEYS do
  redis.call('DEL', KEYS[i])
end
redis.call('DEL', KEYS[1])
for i = 4 + sets, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 1
