-- Lets a session go on under a new secret; those it has are dead at once.
-- KEYS: session, the new secret. ARGV: id, the new secret, token, epoch it must have, epoch it gets,
-- confirmed_at, now. Answers 1, or 0 when it was ended.
local has = redis.call('HMGET', KEYS[1], 'secret', 'previous', 'epoch', 'revoked_reason', 'forgotten_at')
if not has[1] or has[4] or has[3] ~= ARGV[4] then
    return 0
end
redis.call('DEL', 'claimcheck:secret:' .. has[1])
if has[2] ~= '' then
    redis.call('DEL', 'claimcheck:secret:' .. has[2])
end
redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'previous', '', 'csrf_token', ARGV[3],
    'epoch', ARGV[5], 'confirmed_at', ARGV[6], 'rotated_at', ARGV[7], 'used_at', ARGV[7],
    'last_seen_at', ARGV[7])
redis.call('SET', KEYS[2], ARGV[1], 'PXAT', has[5])
return 1
