-- Secrets that sessions have left behind: shown once more, they were copied.
--
-- `sessions` holds the present secret and the one before. A thief who keeps a session busy would
-- have replaced both within half an hour, and its owner's would be nobody's instead of an alarm.

create table spent_secrets (
    secret_hash bytea not null, -- SHA-256
    session_id uuid not null,
    constraint spent_secrets_pkey primary key (secret_hash),
    constraint spent_secrets_session_fkey foreign key (session_id) references sessions on delete cascade
);

create index spent_secrets_session_idx on spent_secrets (session_id);
