-- Who guesses is held up, and the browsers that an account was signed in to are known again.

-- Counted by the address that was typed, whether or not it is an account's.
create table account_throttles (
    account_hash bytea not null, -- SHA-256: the addresses of strangers are not kept
    n_failures integer not null, -- in a row; a guess under way is one until it proves right
    n_told integer not null, -- the failures at which log and owner were last told
    held_until timestamptz, -- no guess before
    expires_at timestamptz not null,
    constraint account_throttles_pkey primary key (account_hash)
);

create index account_throttles_expiry_idx on account_throttles (expires_at);

-- Counted by where it comes from: an IPv4 address, or the first 64 bits of an IPv6 address.
create table address_throttles (
    address_hash bytea not null, -- SHA-256 of what is counted, and from where
    counted_at timestamptz[] not null, -- no more than the limit
    expires_at timestamptz not null,
    constraint address_throttles_pkey primary key (address_hash)
);

create index address_throttles_expiry_idx on address_throttles (expires_at);

-- The browsers a user has signed in with. Such a browser's guesses have a counter of their own.
create table devices (
    secret_hash bytea not null, -- SHA-256 of the cookie's value; one browser may know several users
    user_id uuid not null,
    signed_in_at timestamptz not null, -- the last time
    expires_at timestamptz not null,
    n_failures integer not null, -- in a row, from this browser
    held_until timestamptz, -- no guess before
    constraint devices_pkey primary key (secret_hash, user_id),
    constraint devices_user_fkey foreign key (user_id) references users on delete cascade
);

create index devices_user_idx on devices (user_id, signed_in_at);
create index devices_expiry_idx on devices (expires_at);
