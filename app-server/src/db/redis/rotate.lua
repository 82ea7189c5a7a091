-- Replaces the secret that was shown, unless another request has just done so.
-- KEYS: session, user, the new secret. ARGV: id, the secret shown, the new one, now,
-- idle_expires_at, ip, user agent, country, the latest time of a rotation that makes it due.
-- Answers 1 for won, 0 for lost, -1 when the session was ended.
local has = redis.call('HMGET', KEYS[1], 'secret', 'previous', 'used_at', 'rotated_at', 'revoked_reason', 'forgotten_at')
if not has[1] or has[5] then
    return -1
end
local holds_the_last = has[1] == ARGV[2] or (has[2] == ARGV[2] and has[3] == '')
if not holds_the_last or tonumber(has[4]) > tonumber(ARGV[9]) then
    return 0
end
redis.call('HSET', KEYS[1], 'secret', ARGV[3], 'previous', ARGV[2], 'rotated_at', ARGV[4],
    'used_at', '', 'last_seen_at', ARGV[4], 'idle_expires_at', ARGV[5],
    'ip', ARGV[6], 'user_agent', ARGV[7], 'country', ARGV[8])
redis.call('SET', KEYS[3], ARGV[1], 'PXAT', has[6])
redis.call('ZADD', KEYS[2], 'XX', ARGV[4], ARGV[1])
return 1
