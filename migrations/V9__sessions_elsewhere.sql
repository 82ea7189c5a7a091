-- Sessions that are kept in another store, and were ended: what that store forgets or brings back
-- after a crash changes nothing about it.

create table ended_sessions (
    session_id uuid not null,
    user_id uuid not null,
    reason text not null,
    ended_at timestamptz not null,
    constraint ended_sessions_pkey primary key (session_id),
    constraint ended_sessions_user_fkey foreign key (user_id) references users on delete cascade
);

create index ended_sessions_user_idx on ended_sessions (user_id);
create index ended_sessions_age_idx on ended_sessions (ended_at); -- the purge walks it
