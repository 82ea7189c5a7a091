//! Counters of failed guesses, shared by all app servers.

use chrono::{DateTime, Utc};

use super::{Queries, Result};
use crate::domain::{
    ids::{MailId, UserId},
    mail::Letter,
    throttle::{ACCOUNT_KEPT, AddressLimit, DEVICE_VOID_FROM, GUESSES, HELD_FROM, LOCKED_FROM},
};

/// A guess about to be made.
#[derive(Clone, Copy, Debug)]
pub struct Guess<'a> {
    /// [`crate::domain::throttle::account_hash`].
    pub account: &'a [u8; 32],
    /// [`crate::domain::throttle::address_hash`].
    pub address: &'a [u8; 32],
    /// The address of the account, in lower case: a known browser is known to it.
    pub email_key: &'a str,
    /// SHA-256 of the device cookie.
    pub device: Option<&'a [u8; 32]>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What became of a guess that was to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Failures of the address within the window, this one included; none when it was not counted.
    pub n_address: Option<i32>,
    /// Whose known browser it comes from.
    pub device: Option<UserId>,
    /// Failures in a row, this one included; none when the guess may not be made.
    pub n_failures: Option<i32>,
}

/// Counts a guess as a failure before it is made, or refuses it.
///
/// One statement decides and counts, under the locks of the rows it writes, so that any number of
/// guesses at once, on any number of app servers, stay within the limits: first the address, then
/// the known browser, or else the account. Where one refuses, those after it count nothing.
pub async fn count_guess(db: &impl Queries, guess: &Guess<'_>) -> Result<Counted> {
    let device = guess.device.map(<[u8; 32]>::as_slice);
    let parameters: [super::Parameter<'_>; 12] = [
        &guess.account.as_slice(),
        &guess.address.as_slice(),
        &guess.at,
        &device,
        &guess.email_key,
        &HELD_FROM,
        &LOCKED_FROM,
        &DEVICE_VOID_FROM,
        &GUESSES.limit,
        &(guess.at - GUESSES.window),
        &(guess.at + GUESSES.window),
        &(guess.at + ACCOUNT_KEPT),
    ];
    let row = db.query_one(COUNT_GUESS, &parameters).await?;
    Ok(Counted {
        n_address: row.try_get("n_address")?,
        device: row.try_get("device")?,
        n_failures: row.try_get("n_failures")?,
    })
}

// `held` is only what was there before: it spares the address a count. Who really is held is
// decided by the conditions of the updates, which see the newest row.
const COUNT_GUESS: &str = "
    with device as (
        select secret_hash, user_id, held_until
          from devices join users using (user_id)
         where secret_hash = $4 and email_key = $5 and n_failures < $8 and expires_at > $3
    ), held as (
        select user_id::text from device where held_until > $3
         union all
        select 'account' from account_throttles
         where account_hash = $1 and (held_until > $3 or n_failures >= $7)
           and not exists (select from device)
    ), address as (
        insert into address_throttles as known (address_hash, counted_at, expires_at)
        select $2, array[$3::timestamptz], $11 where not exists (select from held)
            on conflict (address_hash) do update
           set counted_at = array(select at from unnest(known.counted_at) as at where at > $10)
                            || $3::timestamptz,
               expires_at = excluded.expires_at
         where $9::integer > (select count(*) from unnest(known.counted_at) as at where at > $10)
        returning cardinality(counted_at) as n_counted
    ), by_device as (
        update devices
           set n_failures = n_failures + 1,
               held_until = case when n_failures + 1 >= $6 then $3::timestamptz
                   + least(interval '1 s' * 2 ^ least(n_failures + 1 - $6, 10), interval '15 min') end
          from address
         where (secret_hash, user_id) in (select secret_hash, user_id from device)
           and n_failures < $8 and (held_until is null or held_until <= $3)
        returning n_failures
    ), by_account as (
        insert into account_throttles as known (account_hash, n_failures, n_told, expires_at)
        select $1, 1, 0, $12 from address where not exists (select from device)
            on conflict (account_hash) do update
           set n_failures = known.n_failures + 1,
               held_until = case when known.n_failures + 1 >= $6 then $3::timestamptz
                   + least(interval '1 s' * 2 ^ least(known.n_failures + 1 - $6, 10), interval '15 min') end,
               expires_at = excluded.expires_at
         where known.n_failures < $7 and (known.held_until is null or known.held_until <= $3)
        returning n_failures
    )
    select (select n_counted from address) as n_address,
           (select user_id from device) as device,
           coalesce((select n_failures from by_device), (select n_failures from by_account)) as n_failures";

/// Why a guess was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The address is held until then.
    pub address_until: Option<DateTime<Utc>>,
    /// The known browser, or else the account, is held until then.
    pub held_until: Option<DateTime<Utc>>,
    /// The account is locked, and this is no known browser.
    pub locked: bool,
}

/// Why a guess was refused, as far as that can still be seen.
pub async fn find_refusal(db: &impl Queries, guess: &Guess<'_>) -> Result<Refusal> {
    let device = guess.device.map(<[u8; 32]>::as_slice);
    let parameters: [super::Parameter<'_>; 9] = [
        &guess.account.as_slice(),
        &guess.address.as_slice(),
        &guess.at,
        &device,
        &guess.email_key,
        &LOCKED_FROM,
        &DEVICE_VOID_FROM,
        &i64::from(GUESSES.limit - 1),
        &(guess.at - GUESSES.window),
    ];
    let row = db.query_one(FIND_REFUSAL, &parameters).await?;
    let counted_at: Option<DateTime<Utc>> = row.try_get("counted_at")?;
    Ok(Refusal {
        address_until: counted_at.map(|at| at + GUESSES.window),
        held_until: row.try_get("held_until")?,
        locked: row.try_get("locked")?,
    })
}

const FIND_REFUSAL: &str = "
    with device as (
        select held_until
          from devices join users using (user_id)
         where secret_hash = $4 and email_key = $5 and n_failures < $7 and expires_at > $3
    ), account as (
        select held_until, n_failures from account_throttles
         where account_hash = $1 and not exists (select from device)
    )
    select (select at from address_throttles, unnest(counted_at) as at
             where address_hash = $2 and at > $9
             order by at desc offset $8 limit 1) as counted_at,
           coalesce((select held_until from device), (select held_until from account)) as held_until,
           coalesce((select n_failures >= $6 from account), false) as locked";

/// Takes back what was counted at `at` for an address.
pub async fn uncount_address(
    db: &impl Queries,
    address: &[u8; 32],
    at: DateTime<Utc>,
) -> Result<()> {
    db.execute(UNCOUNT_ADDRESS, &[&address.as_slice(), &at])
        .await?;
    Ok(())
}

const UNCOUNT_ADDRESS: &str = "
    update address_throttles
       set counted_at = counted_at[:array_position(counted_at, $2) - 1]
                     || counted_at[array_position(counted_at, $2) + 1:]
     where address_hash = $1 and array_position(counted_at, $2) is not null";

/// Takes one failure back from an account: it was no guess after all.
pub async fn uncount_account(db: &impl Queries, account: &[u8; 32]) -> Result<()> {
    db.execute(UNCOUNT_ACCOUNT, &[&account.as_slice()]).await?;
    Ok(())
}

// The wait it began goes with it: the one before was over, or it would not have been counted.
const UNCOUNT_ACCOUNT: &str = "
    update account_throttles set n_failures = greatest(n_failures - 1, 0), held_until = null
     where account_hash = $1";

/// Takes one failure back from a known browser.
pub async fn uncount_device(db: &impl Queries, device: &[u8; 32], user: UserId) -> Result<()> {
    db.execute(UNCOUNT_DEVICE, &[&device.as_slice(), &user])
        .await?;
    Ok(())
}

const UNCOUNT_DEVICE: &str = "
    update devices set n_failures = greatest(n_failures - 1, 0), held_until = null
     where secret_hash = $1 and user_id = $2";

/// Forgets an account's failures.
pub async fn delete_account(db: &impl Queries, account: &[u8; 32]) -> Result<()> {
    db.execute(DELETE_ACCOUNT, &[&account.as_slice()]).await?;
    Ok(())
}

const DELETE_ACCOUNT: &str = "delete from account_throttles where account_hash = $1";

/// Forgets a known browser's failures.
pub async fn reset_device(db: &impl Queries, device: &[u8; 32], user: UserId) -> Result<()> {
    db.execute(RESET_DEVICE, &[&device.as_slice(), &user])
        .await?;
    Ok(())
}

const RESET_DEVICE: &str = "
    update devices set n_failures = 0, held_until = null where secret_hash = $1 and user_id = $2";

/// Notes that log and owner are being told of `n_failures`; false when they were told before.
pub async fn update_told(db: &impl Queries, account: &[u8; 32], n_failures: i32) -> Result<bool> {
    Ok(db
        .execute(UPDATE_TOLD, &[&account.as_slice(), &n_failures])
        .await?
        == 1)
}

const UPDATE_TOLD: &str = "
    update account_throttles set n_told = $2
     where account_hash = $1 and n_failures >= $2 and n_told < $2";

/// Puts a letter to `user` into the outbox.
///
/// The statement is the same whether there is such a user: that it takes as long must not tell.
pub async fn insert_mail_if_known(
    db: &impl Queries,
    letter: Letter,
    user: Option<UserId>,
    at: DateTime<Utc>,
) -> Result<()> {
    let parameters: [super::Parameter<'_>; 4] =
        [&MailId::generate(at), &letter.as_str(), &user, &at];
    db.execute(INSERT_MAIL_IF_KNOWN, &parameters).await?;
    Ok(())
}

const INSERT_MAIL_IF_KNOWN: &str = "
    insert into mails (mail_id, kind, user_id, recipient, session_id, created_at, n_attempts, next_attempt_at)
    select $1, $2, user_id, email, null, $4, 0, $4 from users where user_id = $3 and deleted_at is null";

/// Counts what an address does, or answers until when it may not do it again.
pub async fn count_address(
    db: &impl Queries,
    address: &[u8; 32],
    limit: AddressLimit,
    at: DateTime<Utc>,
) -> Result<std::result::Result<(), Option<DateTime<Utc>>>> {
    let since = at - limit.window;
    let parameters: [super::Parameter<'_>; 5] = [
        &address.as_slice(),
        &at,
        &since,
        &(at + limit.window),
        &i64::from(limit.limit),
    ];
    if db.query_opt(COUNT_ADDRESS, &parameters).await?.is_some() {
        return Ok(Ok(()));
    }
    let before_the_last = i64::from(limit.limit - 1);
    let parameters: [super::Parameter<'_>; 3] = [&address.as_slice(), &since, &before_the_last];
    let row = db.query_opt(ADDRESS_COUNTED_AT, &parameters).await?;
    let counted_at: Option<DateTime<Utc>> = match row {
        Some(row) => Some(row.try_get("at")?),
        None => None,
    };
    Ok(Err(counted_at.map(|at| at + limit.window)))
}

const COUNT_ADDRESS: &str = "
    insert into address_throttles as known (address_hash, counted_at, expires_at)
    values ($1, array[$2::timestamptz], $4)
        on conflict (address_hash) do update
       set counted_at = array(select at from unnest(known.counted_at) as at where at > $3)
                        || $2::timestamptz,
           expires_at = excluded.expires_at
     where $5 > (select count(*) from unnest(known.counted_at) as at where at > $3)
    returning address_hash";

const ADDRESS_COUNTED_AT: &str = "
    select at from address_throttles, unnest(counted_at) as at
     where address_hash = $1 and at > $2
     order by at desc offset $3 limit 1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    COUNT_GUESS,
    FIND_REFUSAL,
    UNCOUNT_ADDRESS,
    UNCOUNT_ACCOUNT,
    UNCOUNT_DEVICE,
    DELETE_ACCOUNT,
    RESET_DEVICE,
    UPDATE_TOLD,
    INSERT_MAIL_IF_KNOWN,
    COUNT_ADDRESS,
    ADDRESS_COUNTED_AT,
];
