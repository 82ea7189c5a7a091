-- Ends sessions that go on.
-- KEYS: sessions. ARGV: their user, their epoch or nothing for any, now, reason. Answers how many.
local now, n = tonumber(ARGV[3]), 0
for _, session in ipairs(KEYS) do
    local has = redis.call('HMGET', session, 'user_id', 'epoch', 'revoked_reason', 'idle_expires_at', 'absolute_expires_at')
    if has[1] == ARGV[1] and (ARGV[2] == '' or has[2] == ARGV[2]) and not has[3]
        and tonumber(has[4]) > now and tonumber(has[5]) > now then
        redis.call('HSET', session, 'revoked_reason', ARGV[4])
        n = n + 1
    end
end
return n
