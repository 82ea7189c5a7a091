-- Begins a session; the idlest of its user make room.
-- KEYS: session, secret, user. ARGV: id, now, epoch, how many are kept beside it, reason, when it is
-- forgotten (ms), then its fields. Answers the ids of those that were ended.
local now, keep = tonumber(ARGV[2]), tonumber(ARGV[4])
local ended, live = {}, 0
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[3], 0, -1)) do
    local session = 'claimcheck:session:' .. id
    local has = redis.call('HMGET', session, 'epoch', 'revoked_reason', 'idle_expires_at', 'absolute_expires_at')
    -- What is over leaves the list; why it ended stays with the session, for whoever shows its cookie.
    if not has[1] or has[2] or tonumber(has[3]) <= now or tonumber(has[4]) <= now then
        redis.call('ZREM', KEYS[3], id)
    elseif has[1] == ARGV[3] then
        live = live + 1
        if live > keep then
            redis.call('HSET', session, 'revoked_reason', ARGV[5])
            redis.call('ZREM', KEYS[3], id)
            table.insert(ended, id)
        end
    end
end
redis.call('HSET', KEYS[1], unpack(ARGV, 7))
redis.call('PEXPIREAT', KEYS[1], ARGV[6])
redis.call('SET', KEYS[2], ARGV[1], 'PXAT', ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('PEXPIREAT', KEYS[3], ARGV[6], 'NX')
redis.call('PEXPIREAT', KEYS[3], ARGV[6], 'GT')
return ended
