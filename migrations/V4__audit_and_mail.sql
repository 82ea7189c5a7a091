-- What happened to accounts, and the letters that tell their owners.

create table audit_events (
    event_id uuid not null, -- UUIDv7: in the order of time
    at timestamptz not null,
    event text not null, -- a name of the OWASP Logging Vocabulary
    user_id uuid, -- whose account; kept when the account is gone
    actor_id uuid, -- who did it, when somebody else
    session_id uuid, -- by which session, by its public identifier
    ip text not null,
    user_agent text not null,
    details jsonb not null,
    constraint audit_events_pkey primary key (event_id)
);

create index audit_events_user_idx on audit_events (user_id, event_id) where user_id is not null;
create index audit_events_event_idx on audit_events (event, event_id);

-- Append-only: rows go by age (see the purge), never by hand.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end
$$;

create trigger audit_events_append_only before update on audit_events
    for each row execute function refuse_change();

-- The outbox: written in the transaction of what it tells about, sent by a worker afterwards.
create table mails (
    mail_id uuid not null,
    kind text not null,
    user_id uuid not null,
    recipient text not null, -- the address at that time: a change of address tells both
    session_id uuid, -- the session it tells about
    created_at timestamptz not null,
    n_attempts integer not null,
    next_attempt_at timestamptz not null,
    sent_at timestamptz,
    given_up_at timestamptz,
    constraint mails_pkey primary key (mail_id),
    constraint mails_user_fkey foreign key (user_id) references users on delete cascade
);

create index mails_due_idx on mails (next_attempt_at) where sent_at is null and given_up_at is null;
create index mails_user_idx on mails (user_id);

-- What a link in a letter may do, once. Its secret exists in the letter only.
create table mail_links (
    secret_hash bytea not null, -- SHA-256
    mail_id uuid not null,
    kind text not null,
    user_id uuid not null,
    email_key text not null, -- good for this address only
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint mail_links_pkey primary key (secret_hash),
    constraint mail_links_mail_fkey foreign key (mail_id) references mails on delete cascade,
    constraint mail_links_user_fkey foreign key (user_id) references users on delete cascade
);

create index mail_links_user_idx on mail_links (user_id);
create index mail_links_expiry_idx on mail_links (expires_at);
create index mail_links_mail_idx on mail_links (mail_id);

alter table users
    add column email_verified_at timestamptz, -- the present address was proved by a link
    add column must_reset_at timestamptz, -- set: no sign-in before the password is reset
    add column second_factor_at timestamptz, -- set: signing in takes a code too
    add column deletion_asked_at timestamptz, -- set: deleted after the time of grace
    add column deleted_at timestamptz; -- set: nothing personal is left but what orders must keep
