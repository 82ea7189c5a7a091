-- The second factor: an authenticator app's secret, codes for when it is lost, and sign-ins that
-- wait for a code.

-- In force; `users.second_factor_at` says so too, where each request reads it.
create table second_factors (
    user_id uuid not null,
    key_id text not null, -- the key of SECRETS_KEY it is sealed under
    sealed bytea not null, -- AES-256-GCM: nonce, ciphertext, tag
    enrolled_at timestamptz not null,
    last_step bigint not null, -- 30 s each since 1970: that of the latest code taken; no older one is
    constraint second_factors_pkey primary key (user_id),
    constraint second_factors_user_fkey foreign key (user_id) references users on delete cascade
);

create index second_factors_key_idx on second_factors (key_id);

-- Shown to its owner, not in force before a code of it was right.
create table pending_factors (
    user_id uuid not null,
    key_id text not null,
    sealed bytea not null,
    expires_at timestamptz not null,
    constraint pending_factors_pkey primary key (user_id),
    constraint pending_factors_user_fkey foreign key (user_id) references users on delete cascade
);

create index pending_factors_expiry_idx on pending_factors (expires_at);

create table recovery_codes (
    user_id uuid not null,
    code_hash bytea not null, -- SHA-256 of 120 random bits
    created_at timestamptz not null,
    used_at timestamptz,
    constraint recovery_codes_pkey primary key (user_id, code_hash),
    constraint recovery_codes_user_fkey foreign key (user_id) references users on delete cascade
);

-- The password was right, the code is still to come. Signs nobody in by itself.
create table pending_sign_ins (
    secret_hash bytea not null, -- SHA-256 of the cookie's value
    user_id uuid not null,
    epoch bigint not null, -- the user's: a new password, role or factor voids it
    remembered boolean not null,
    n_attempts integer not null,
    expires_at timestamptz not null,
    constraint pending_sign_ins_pkey primary key (secret_hash),
    constraint pending_sign_ins_user_fkey foreign key (user_id) references users on delete cascade
);

create index pending_sign_ins_user_idx on pending_sign_ins (user_id);
create index pending_sign_ins_expiry_idx on pending_sign_ins (expires_at);
