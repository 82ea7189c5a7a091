-- Notes a request; never brings a session back.
-- KEYS: session, user. ARGV: id, the secret shown, now, idle_expires_at, ip, user agent, country.
-- Answers 1, 0 when the session was ended, -1 when there is none.
local has = redis.call('HMGET', KEYS[1], 'secret', 'used_at', 'revoked_reason')
if not has[1] then
    return -1
end
if has[3] then
    return 0
end
redis.call('HSET', KEYS[1], 'last_seen_at', ARGV[3], 'idle_expires_at', ARGV[4],
    'ip', ARGV[5], 'user_agent', ARGV[6], 'country', ARGV[7])
if has[1] == ARGV[2] and has[2] == '' then
    redis.call('HSET', KEYS[1], 'used_at', ARGV[3])
end
redis.call('ZADD', KEYS[2], 'XX', ARGV[3], ARGV[1])
return 1
