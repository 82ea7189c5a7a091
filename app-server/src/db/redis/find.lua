-- The session that has, or has had, a secret.
-- KEYS: the secret. ARGV: names of fields. Answers the session's id and the fields' values.
local id = redis.call('GET', KEYS[1])
if not id then
    return false
end
local found = redis.call('HMGET', 'claimcheck:session:' .. id, unpack(ARGV))
table.insert(found, 1, id)
return found
