//! Forgetting what is over, a batch at a time.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Queries, Result};
use crate::domain::{
    audit,
    ids::{EventId, MailId},
    throttle::LOCKED_FROM,
};

/// Rows one statement removes at most: a batch never holds its locks for long.
const BATCH: i64 = 1_000;

/// Ended sessions are kept this long, so that their users can be told.
const KEPT_AFTER_END: TimeDelta = TimeDelta::days(7);

/// Removes one batch of sessions that ended a week ago; the number removed.
///
/// Rows that another server's purge has locked are skipped.
pub async fn delete_ended_sessions(db: &impl Queries, now: DateTime<Utc>) -> Result<u64> {
    db.execute(DELETE_ENDED_SESSIONS, &[&(now - KEPT_AFTER_END), &BATCH])
        .await
}

const DELETE_ENDED_SESSIONS: &str = "
    delete from sessions
     where session_id in (
        select session_id from sessions
         where absolute_expires_at <= $1
         order by absolute_expires_at
         limit $2
           for update skip locked)";

/// Removes one batch of visitors' sessions, and their carts, that nobody has used in time.
pub async fn delete_idle_visitors(db: &impl Queries, now: DateTime<Utc>) -> Result<u64> {
    db.execute(DELETE_IDLE_VISITORS, &[&now, &BATCH]).await
}

const DELETE_IDLE_VISITORS: &str = "
    delete from sessions
     where session_id in (
        select session_id from sessions
         where user_id is null and idle_expires_at <= $1
         limit $2
           for update skip locked)";

/// Removes one batch of what waited for a code that never came: sign-ins and second factors that
/// were begun.
pub async fn delete_expired_waits(db: &impl Queries, now: DateTime<Utc>) -> Result<u64> {
    let sign_ins = db.execute(DELETE_PENDING_SIGN_INS, &[&now, &BATCH]).await?;
    let factors = db.execute(DELETE_PENDING_FACTORS, &[&now, &BATCH]).await?;
    Ok(sign_ins.max(factors))
}

const DELETE_PENDING_SIGN_INS: &str = "
    delete from pending_sign_ins
     where secret_hash in (
        select secret_hash from pending_sign_ins
         where expires_at <= $1
         limit $2
           for update skip locked)";

const DELETE_PENDING_FACTORS: &str = "
    delete from pending_factors
     where user_id in (
        select user_id from pending_factors
         where expires_at <= $1
         limit $2
           for update skip locked)";

/// Letters that have left, or never will, are kept this long, and with them what their links were.
const MAILS_KEPT: TimeDelta = TimeDelta::days(30);

/// Removes one batch of letters that are done with, and their links.
///
/// Identifiers are in the order of time, so the primary key knows where to end.
pub async fn delete_old_mails(db: &impl Queries, now: DateTime<Utc>) -> Result<u64> {
    let before = MailId::first_at(now - MAILS_KEPT);
    db.execute(DELETE_OLD_MAILS, &[&before, &BATCH]).await
}

const DELETE_OLD_MAILS: &str = "
    delete from mails
     where mail_id in (
        select mail_id from mails
         where mail_id < $1 and (sent_at is not null or given_up_at is not null)
         order by mail_id
         limit $2
           for update skip locked)";

/// Removes one batch of the audit log's rows that have been kept long enough.
///
/// The table's trigger measures by the newest row, so this does too.
pub async fn delete_old_events(db: &impl Queries, now: DateTime<Utc>) -> Result<u64> {
    let before = EventId::first_at(now - audit::KEPT);
    db.execute(DELETE_OLD_EVENTS, &[&before, &BATCH]).await
}

const DELETE_OLD_EVENTS: &str = "
    delete from audit_events
     where event_id in (
        select event_id from audit_events
         where event_id < $1
           and at < (select at from audit_events order by event_id desc limit 1) - interval '400 days'
         order by event_id
         limit $2
            for update skip locked)";

/// Removes one batch of counters that count nothing any more, and of browsers that are not known
/// any more; the number removed.
///
/// The counter of a locked account stays: only a reset opens it.
pub async fn delete_counters(db: &impl Queries, now: DateTime<Utc>) -> Result<u64> {
    let accounts = db
        .execute(DELETE_ACCOUNT_THROTTLES, &[&now, &BATCH, &LOCKED_FROM])
        .await?;
    let addresses = db
        .execute(DELETE_ADDRESS_THROTTLES, &[&now, &BATCH])
        .await?;
    let devices = db.execute(DELETE_DEVICES, &[&now, &BATCH]).await?;
    Ok(accounts.max(addresses).max(devices))
}

const DELETE_ACCOUNT_THROTTLES: &str = "
    delete from account_throttles
     where account_hash in (
        select account_hash from account_throttles
         where expires_at <= $1
           and (n_failures < $3 or not exists (
                select from users
                 where sha256(convert_to('account:' || email_key, 'UTF8')) = account_hash))
         order by expires_at
         limit $2
           for update skip locked)";

const DELETE_ADDRESS_THROTTLES: &str = "
    delete from address_throttles
     where address_hash in (
        select address_hash from address_throttles
         where expires_at <= $1
         order by expires_at
         limit $2
           for update skip locked)";

const DELETE_DEVICES: &str = "
    delete from devices
     where (secret_hash, user_id) in (
        select secret_hash, user_id from devices
         where expires_at <= $1
         order by expires_at
         limit $2
           for update skip locked)";

/// True when a batch was full and another may follow.
pub fn is_full(removed: u64) -> bool {
    i64::try_from(removed).is_ok_and(|removed| removed >= BATCH)
}

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    DELETE_ENDED_SESSIONS,
    DELETE_IDLE_VISITORS,
    DELETE_PENDING_SIGN_INS,
    DELETE_PENDING_FACTORS,
    DELETE_OLD_MAILS,
    DELETE_OLD_EVENTS,
    DELETE_ACCOUNT_THROTTLES,
    DELETE_ADDRESS_THROTTLES,
    DELETE_DEVICES,
];
