-- Ends sessions; the first reason stays.
-- KEYS: sessions. ARGV: their user, their epoch or nothing for any, now, reason. Answers how many
-- would go on but for a reason, and how many of those had none before.
local now, would_go_on, ended = tonumber(ARGV[3]), 0, 0
for _, session in ipairs(KEYS) do
    local has = redis.call('HMGET', session, 'user_id', 'epoch', 'revoked_reason', 'idle_expires_at', 'absolute_expires_at')
    if has[1] == ARGV[1] and (ARGV[2] == '' or has[2] == ARGV[2])
        and tonumber(has[4]) > now and tonumber(has[5]) > now then
        would_go_on = would_go_on + 1
        if not has[3] then
            redis.call('HSET', session, 'revoked_reason', ARGV[4])
            ended = ended + 1
        end
    end
end
return { would_go_on, ended }
