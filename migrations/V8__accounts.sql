-- The audit log tells the truth even to those who may delete from it, and lists of people are walked.

create index audit_events_session_idx on audit_events (session_id, event_id) where session_id is not null;
create index audit_events_ip_idx on audit_events (ip, event_id);
create index users_deletion_idx on users (deletion_asked_at)
    where deletion_asked_at is not null and deleted_at is null;

-- One change is none of the truth: what a deleted account leaves of its owner is cleared.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    if new.ip = '' and new.user_agent = ''
        and (new.event_id, new.at, new.event, new.user_id, new.actor_id, new.session_id, new.details)
            is not distinct from
            (old.event_id, old.at, old.event, old.user_id, old.actor_id, old.session_id, old.details)
        and exists (select from users where users.user_id = old.user_id and deleted_at is not null)
    then
        return new;
    end if;
    raise exception 'the audit log is append-only';
end
$$;

-- Rows go by age, and the newest row says what time it is: a clock that is wrong deletes nothing.
create function refuse_early_deletion() returns trigger language plpgsql as $$
begin
    if old.at < (select at from audit_events order by event_id desc limit 1) - interval '400 days' then
        return old;
    end if;
    raise exception 'the audit log keeps its rows for 400 days';
end
$$;

create trigger audit_events_kept before delete on audit_events
    for each row execute function refuse_early_deletion();

create function refuse_truncation() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end
$$;

create trigger audit_events_not_emptied before truncate on audit_events
    for each statement execute function refuse_truncation();
