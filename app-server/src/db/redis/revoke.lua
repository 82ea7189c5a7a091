-- Ends sessions of a user; the first reason stays.
-- KEYS: sessions. ARGV: their user, now, reason. Answers how many went on until now.
local now, n = tonumber(ARGV[2]), 0
for _, session in ipairs(KEYS) do
    local has = redis.call('HMGET', session, 'user_id', 'revoked_reason', 'idle_expires_at', 'absolute_expires_at')
    if has[1] == ARGV[1] and not has[2] and tonumber(has[3]) > now and tonumber(has[4]) > now then
        redis.call('HSET', session, 'revoked_reason', ARGV[3])
        n = n + 1
    end
end
return n
