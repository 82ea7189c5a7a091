//! Holding up whoever guesses.
//!
//! ```text
//! let pass = throttle::admit(state, &email_key, origin).await?;   // or 429
//! // verify the password, or a code
//! pass.failed(state, user, origin, Event::LoginFail).await?;      // it was wrong
//! pass.succeeded(&tx).await?;                                     // it was right: in the act's transaction
//! pass.withdrawn(&tx).await?;                                     // right so far, but not everything was asked
//! ```
//!
//! A guess is counted as a failure before anything is computed, and taken back when it proves
//! right. So no number of guesses at once exceeds the limits, and one that is given up, because its
//! client hangs up or too much work is waiting, has failed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    audit::{Entry, record},
    sessions::Origin,
};
use crate::{
    db::{
        self, Queries,
        throttles::{self, Counted, Guess, Refusal},
    },
    domain::{
        audit::Event,
        ids::UserId,
        mail::Letter,
        throttle::{
            AddressLimit, GUESSES, HELD_FROM, LOCKED_FROM, LOCKED_RETRY, account_hash,
            address_hash, wait,
        },
    },
    error::AppError,
    state::AppState,
};

/// Permission for one guess, which counts as failed until it is said to have been right.
#[must_use = "a guess that is not said to be right stays counted as failed"]
pub struct Pass {
    account: [u8; 32],
    address: [u8; 32],
    counter: Counter,
    at: DateTime<Utc>,
    n_address: i32,
    n_failures: i32,
}

/// Where the guess is counted, besides its address.
enum Counter {
    /// With the account.
    Account,
    /// With a browser that the account was signed in with before.
    Device { secret: [u8; 32], user: UserId },
}

/// Counts a guess at what only the owner of an account knows, or refuses it.
///
/// `email_key` is the account's address in lower case, whether or not there is such an account.
///
/// # Errors
/// [`AppError::TooMany`], [`AppError::SignInsLocked`].
pub async fn admit(state: &AppState, email_key: &str, origin: &Origin) -> Result<Pass, AppError> {
    let account = account_hash(email_key);
    let address = address_hash(GUESSES.what, &origin.ip);
    let device = origin
        .device
        .as_ref()
        .map(crate::domain::device::DeviceSecret::hash);
    let guess = Guess {
        account: &account,
        address: &address,
        email_key,
        device: device.as_ref(),
        at: state.clock.now(),
    };
    let db = state.db().await?;
    let counted = throttles::count_guess(&db, &guess).await?;
    let Counted {
        n_address: Some(n_address),
        n_failures: Some(n_failures),
        device: known_to,
    } = counted
    else {
        return Err(refuse(&db, &guess, counted, origin).await?);
    };
    let place = match (device, known_to) {
        (Some(secret), Some(user)) => Counter::Device { secret, user },
        _ => Counter::Account,
    };
    Ok(Pass {
        account,
        address,
        counter: place,
        at: guess.at,
        n_address,
        n_failures,
    })
}

async fn refuse(
    db: &impl Queries,
    guess: &Guess<'_>,
    counted: Counted,
    origin: &Origin,
) -> db::Result<AppError> {
    if counted.n_address.is_some() {
        // Others came first at the very same moment.
        throttles::uncount_address(db, guess.address, guess.at).await?;
    }
    let Refusal {
        address_until,
        held_until,
        locked,
    } = throttles::find_refusal(db, guess).await?;
    tracing::info!(ip = origin.ip, locked, "a guess was refused");
    Ok(if locked {
        AppError::SignInsLocked {
            retry_after: LOCKED_RETRY,
        }
    } else {
        AppError::TooMany {
            retry_after: wait(guess.at, address_until.max(held_until)),
        }
    })
}

impl Pass {
    /// Failures in a row before this guess.
    pub fn n_failures_before(&self) -> i32 {
        self.n_failures - 1
    }

    /// The guess came from a browser that this account was signed in with before.
    pub fn by_known_device(&self) -> bool {
        matches!(self.counter, Counter::Device { .. })
    }

    /// The guess was wrong: writes it down, and tells the owner once when a limit is reached.
    ///
    /// With or without an account, the same statements run.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed(
        self,
        state: &AppState,
        user: Option<UserId>,
        origin: &Origin,
        event: Event,
    ) -> Result<(), AppError> {
        let mut db = state.db().await?;
        let tx = db.transaction().await?;
        let by_device = self.by_known_device();
        let entry = |event, details| Entry {
            event,
            user,
            actor: None,
            session: None,
            origin,
            details,
        };
        let failures = json!({"failures": self.n_failures, "known_device": by_device});
        record(&tx, self.at, entry(event, failures.clone())).await?;
        if self.n_address == GUESSES.limit {
            let details = json!({"limit": "failures of an address", "failures": self.n_address});
            record(&tx, self.at, entry(Event::RateLimited, details)).await?;
        }
        for (from, event) in [
            (HELD_FROM, Event::LoginFailMax),
            (LOCKED_FROM, Event::LoginLock),
        ] {
            if self.n_failures >= from
                && !by_device
                && throttles::update_told(&tx, &self.account, from).await?
            {
                record(&tx, self.at, entry(event, failures.clone())).await?;
                let letter = Letter::SignInsFail;
                throttles::insert_mail_if_known(&tx, letter, user, self.at).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// The guess was right: the failures before it are forgotten, but not those of the address.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(&self, tx: &impl Queries) -> db::Result<()> {
        throttles::uncount_address(tx, &self.address, self.at).await?;
        match &self.counter {
            Counter::Account => throttles::delete_account(tx, &self.account).await,
            Counter::Device { secret, user } => throttles::reset_device(tx, secret, *user).await,
        }
    }

    /// It was no guess after all: right so far, and something else is still to be asked.
    ///
    /// The failures before it stay. Where a second factor is asked for, a right password alone must
    /// not forget the wrong codes.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdrawn(&self, tx: &impl Queries) -> db::Result<()> {
        throttles::uncount_address(tx, &self.address, self.at).await?;
        match &self.counter {
            Counter::Account => throttles::uncount_account(tx, &self.account).await,
            Counter::Device { secret, user } => throttles::uncount_device(tx, secret, *user).await,
        }
    }
}

/// Counts what an address does that costs the shop something.
///
/// # Errors
/// [`AppError::TooMany`].
pub async fn count_address(
    state: &AppState,
    limit: AddressLimit,
    origin: &Origin,
) -> Result<(), AppError> {
    let now = state.clock.now();
    let address = address_hash(limit.what, &origin.ip);
    let db = state.db().await?;
    throttles::count_address(&db, &address, limit, now)
        .await?
        .map_err(|until| AppError::TooMany {
            retry_after: wait(now, until),
        })
}

/// How long to wait, as a person says it.
pub fn in_words(wait: Duration) -> String {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match secs {
        0 | 1 => "a second".to_owned(),
        2..=90 => format!("{secs} seconds"),
        91..=5_400 => format!("{} minutes", secs.div_ceil(60)),
        _ => format!("{} hours", secs.div_ceil(3_600)),
    }
}
