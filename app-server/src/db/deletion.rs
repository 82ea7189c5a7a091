//! What is left of an account that is deleted.
//!
//! Every table with a `user_id` is either in [`FORGOTTEN`] or in [`KEPT`]; a test compares these
//! with the schema, so that no new table is overlooked.

use chrono::{DateTime, Utc};

use super::{Queries, Result};
use crate::domain::{deletion, ids::UserId};

/// Tables that a deleted account has no row in, each with what removes them.
pub const FORGOTTEN: &[(&str, &str)] = &[
    ("sessions", FORGET_SESSIONS),
    ("ended_sessions", FORGET_ENDED_SESSIONS),
    ("cart_items", FORGET_CART),
    ("devices", FORGET_DEVICES),
    ("mail_links", FORGET_LINKS),
    ("mails", FORGET_MAILS),
    ("second_factors", FORGET_FACTOR),
    ("pending_factors", FORGET_PENDING_FACTOR),
    ("recovery_codes", FORGET_RECOVERY_CODES),
    ("pending_sign_ins", FORGET_SIGN_INS),
];

const FORGET_SESSIONS: &str = "delete from sessions where user_id = $1";
const FORGET_ENDED_SESSIONS: &str = "delete from ended_sessions where user_id = $1";
const FORGET_CART: &str = "delete from cart_items where user_id = $1";
const FORGET_DEVICES: &str = "delete from devices where user_id = $1";
const FORGET_LINKS: &str = "delete from mail_links where user_id = $1";
const FORGET_MAILS: &str = "delete from mails where user_id = $1";
const FORGET_FACTOR: &str = "delete from second_factors where user_id = $1";
const FORGET_PENDING_FACTOR: &str = "delete from pending_factors where user_id = $1";
const FORGET_RECOVERY_CODES: &str = "delete from recovery_codes where user_id = $1";
const FORGET_SIGN_INS: &str = "delete from pending_sign_ins where user_id = $1";

/// Tables whose rows stay, and name nobody any more.
pub const KEPT: &[&str] = &[
    "users",        // without address, name and password
    "orders",       // what the law makes a shop keep
    "purchases",    // likewise
    "mints",        // the proof of what was delivered, without addresses
    "audit_events", // what happened, without addresses; gone by age
];

/// The next account whose time of grace began by `asked_by` and is over, locked.
pub async fn lock_due(db: &impl Queries, asked_by: DateTime<Utc>) -> Result<Option<UserId>> {
    let row = db.query_opt(LOCK_DUE, &[&asked_by]).await?;
    row.map(|row| Ok(row.try_get("user_id")?)).transpose()
}

const LOCK_DUE: &str = "
    select user_id from users
     where deletion_asked_at <= $1 and deleted_at is null
     order by deletion_asked_at
     limit 1
       for no key update skip locked";

/// Takes everything personal from the account.
pub async fn forget(db: &impl Queries, user: UserId, now: DateTime<Utc>) -> Result<()> {
    let address = deletion::address(user);
    let parameters: [super::Parameter<'_>; 5] = [
        &user,
        &address,
        &deletion::NAME,
        &deletion::NOBODYS_HASH,
        &now,
    ];
    // Letters before the address: a worker that is sending one refers to the account as it adds a
    // link, and would wait for a change of its key while we wait for the letter.
    for (_, statement) in FORGOTTEN {
        db.execute(statement, &[&user]).await?;
    }
    db.execute(FORGET_USER, &parameters).await?;
    db.execute(FORGET_MINTS, &[&user]).await?;
    db.execute(FORGET_EVENTS, &[&user]).await?;
    Ok(())
}

const FORGET_USER: &str = "
    update users
       set email = $2, email_key = $2, name = $3, password_hash = $4, role = 'buyer',
           disabled_at = coalesce(disabled_at, $5), deleted_at = $5, email_verified_at = null,
           must_reset_at = null, second_factor_at = null, session_epoch = session_epoch + 1
     where user_id = $1";

const FORGET_MINTS: &str = "update mints set ip = '' where user_id = $1";

// The one change that the audit log's trigger lets pass, and only now that the account is gone.
const FORGET_EVENTS: &str = "
    update audit_events set ip = '', user_agent = ''
     where user_id = $1 and (ip <> '' or user_agent <> '')";

/// Forgets the farewells that have been sent: they hold the address that is gone.
pub async fn delete_farewells(db: &impl Queries) -> Result<u64> {
    db.execute(DELETE_FAREWELLS, &[]).await
}

const DELETE_FAREWELLS: &str = "
    delete from mails using users
     where mails.user_id = users.user_id and deleted_at is not null
       and (sent_at is not null or given_up_at is not null)";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    LOCK_DUE,
    FORGET_USER,
    FORGET_MINTS,
    FORGET_EVENTS,
    DELETE_FAREWELLS,
    FORGET_SESSIONS,
    FORGET_ENDED_SESSIONS,
    FORGET_CART,
    FORGET_DEVICES,
    FORGET_LINKS,
    FORGET_MAILS,
    FORGET_FACTOR,
    FORGET_PENDING_FACTOR,
    FORGET_RECOVERY_CODES,
    FORGET_SIGN_INS,
];
