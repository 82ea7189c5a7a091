-- People, and the sessions that their cookies point to.

create table users (
    user_id uuid not null,
    email text not null, -- as typed, trimmed
    email_key text not null, -- lower case: what must be unique
    name text not null,
    password_hash text not null, -- argon2id, PHC string
    role text not null,
    session_epoch bigint not null, -- sessions with another epoch are over
    created_at timestamptz not null,
    disabled_at timestamptz,
    constraint users_pkey primary key (user_id),
    constraint users_email_key unique (email_key),
    constraint users_role_check check (role in ('buyer', 'admin'))
);

create table sessions (
    session_id uuid not null, -- public: lists and logs name a session by it
    user_id uuid, -- null: a visitor with a cart
    secret_hash bytea not null, -- SHA-256 of the cookie's value
    previous_hash bytea, -- the secret before the last rotation
    rotated_at timestamptz not null,
    secret_used_at timestamptz, -- when the present secret was first shown
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    idle_expires_at timestamptz not null,
    absolute_expires_at timestamptz not null,
    remembered boolean not null,
    confirmed_at timestamptz, -- the last proof of the password; signing in is one
    epoch bigint, -- the user's when the session began
    csrf_token text not null,
    ip text not null,
    user_agent text not null,
    country text,
    revoked_at timestamptz,
    revoked_reason text,
    constraint sessions_pkey primary key (session_id),
    constraint sessions_secret_key unique (secret_hash),
    constraint sessions_previous_key unique (previous_hash),
    constraint sessions_user_fkey foreign key (user_id) references users on delete cascade,
    constraint sessions_epoch_check check ((user_id is null) = (epoch is null)),
    constraint sessions_revoked_check check ((revoked_at is null) = (revoked_reason is null))
)
with (fillfactor = 80); -- last_seen_at and idle_expires_at stay unindexed: touches are HOT updates

create index sessions_user_idx on sessions (user_id, created_at) where user_id is not null;
create index sessions_anonymous_idx on sessions (ip, created_at) where user_id is null;
create index sessions_expiry_idx on sessions (absolute_expires_at); -- the purge walks it
