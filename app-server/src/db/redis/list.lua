-- The sessions of a user, the last used first.
-- KEYS: user. ARGV: names of fields. Answers, for each, its id and the fields' values.
local all = {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
    local found = redis.call('HMGET', 'claimcheck:session:' .. id, unpack(ARGV))
    if found[1] then
        table.insert(found, 1, id)
        table.insert(all, found)
    end
end
return all
