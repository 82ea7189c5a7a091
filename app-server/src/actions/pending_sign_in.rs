//! Signing in by two pages: the password on the first, a code on the second.
//!
//! Between them nobody is half signed in. The browser holds a secret of five minutes that stands
//! for "the password was right", and does nothing but let five codes be tried.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::{
    second_factor::{Proof, prove},
    sessions::{Begun, Origin},
    sign_in::{Entrance, enter},
    throttle, unusual,
};
use crate::{
    db::{
        Queries,
        pending_sign_ins::{self as store, PendingSignIn},
        users,
    },
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
        secret::SessionSecret,
    },
    error::AppError,
    state::AppState,
};

/// How long the code may take.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// Codes that may be tried before the password has to be proved again.
const MAX_ATTEMPTS: i32 = 5;

/// What came of a code.
pub enum Step {
    /// Signed in.
    Begun {
        /// The session.
        begun: Box<Begun>,
        /// By which code.
        proof: Proof,
    },
    /// It was wrong; another may be tried.
    Wrong,
    /// Too late, too often, or never begun: the password has to be proved again.
    Over,
}

/// Lets a sign-in whose password was right wait for a code, in the caller's transaction; what its
/// cookie will hold.
///
/// # Errors
/// The database's, or the generator's.
pub(super) async fn wait(
    tx: &impl Queries,
    user: UserId,
    epoch: i64,
    remembered: bool,
    now: DateTime<Utc>,
) -> Result<SessionSecret, AppError> {
    let secret = SessionSecret::generate().map_err(AppError::internal)?;
    let pending = PendingSignIn {
        user,
        epoch,
        remembered,
        n_attempts: 0,
    };
    store::insert_pending(tx, &secret.hash(), &pending, now + PATIENCE).await?;
    Ok(secret)
}

/// True while a code may be tried.
///
/// # Errors
/// The database's.
pub async fn is_waiting(state: &AppState, secret: &SessionSecret) -> Result<bool, AppError> {
    let db = state.db().await?;
    let (hash, now) = (secret.hash(), state.clock.now());
    let found = store::find_waiting(&db, &hash, MAX_ATTEMPTS, now).await?;
    Ok(found.is_some())
}

/// Tries `code`, and signs in when it is right; a visitor's cart becomes the user's.
///
/// # Errors
/// [`AppError::TooMany`] and [`AppError::SignInsLocked`] before it is looked at: wrong codes count
/// like wrong passwords.
pub async fn finish(
    state: &AppState,
    secret: &SessionSecret,
    code: &SecretString,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Step, AppError> {
    let (hash, now) = (secret.hash(), state.clock.now());
    let waiting = {
        let db = state.db().await?;
        store::find_waiting(&db, &hash, MAX_ATTEMPTS, now).await?
    };
    let Some((user, email_key)) = waiting else {
        return Ok(Step::Over);
    };
    let pass = throttle::admit(state, &email_key, origin).await?;
    let unusual = unusual::find(state, user, &pass, origin).await?;

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // Counted before it is looked at: however many come at once, five are looked at.
    let pending = store::count_attempt(&tx, &hash, MAX_ATTEMPTS, now).await?;
    let Some(pending) = pending else {
        pass.withdrawn(&tx).await?;
        tx.commit().await?;
        return Ok(Step::Over);
    };
    let locked = users::lock_user(&tx, pending.user).await?;
    let same = |epoch| epoch == pending.epoch;
    let locked = locked.filter(|locked| !locked.disabled && same(locked.session_epoch));
    let Some(locked) = locked else {
        pass.withdrawn(&tx).await?;
        tx.commit().await?;
        return Ok(Step::Over);
    };
    let Some(proof) = prove(state, &tx, &locked.user, code, origin).await? else {
        tx.commit().await?;
        drop(db);
        let user = Some(pending.user);
        pass.failed(state, user, origin, Event::FactorFail).await?;
        return Ok(if pending.n_attempts < MAX_ATTEMPTS {
            Step::Wrong
        } else {
            Step::Over
        });
    };
    store::delete_pending(&tx, &hash).await?;
    let entrance = Entrance {
        user: &locked.user,
        epoch: locked.session_epoch,
        remembered: pending.remembered,
        proof: Some(proof),
        unusual: &unusual,
        visitor,
    };
    let begun = enter(state, &tx, &pass, entrance, origin).await?;
    tx.commit().await?;
    Ok(Step::Begun {
        begun: Box::new(begun),
        proof,
    })
}
