//! Signing in by two pages: the password on the first, a code on the second.
//!
//! Between them nobody is half signed in. The browser holds a secret of five minutes that stands
//! for "the password was right", and does nothing but let five codes be tried.

use chrono::TimeDelta;
use secrecy::SecretString;

use super::{
    second_factor::{Proof, prove},
    sessions::{Begun, Origin},
    sign_in::{Proved, begin_session},
};
use crate::{
    db::{
        pending_sign_ins::{self as store, PendingSignIn},
        users,
    },
    domain::{ids::SessionId, secret::SessionSecret},
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

/// Lets a sign-in whose password was right wait for a code; what its cookie will hold.
///
/// # Errors
/// The database's.
pub async fn wait(
    state: &AppState,
    proved: &Proved,
    remembered: bool,
) -> Result<SessionSecret, AppError> {
    let secret = SessionSecret::generate().map_err(AppError::internal)?;
    let pending = PendingSignIn {
        user: proved.user.id,
        epoch: proved.session_epoch,
        remembered,
        n_attempts: 0,
    };
    let expires_at = state.clock.now() + PATIENCE;
    let db = state.db().await?;
    store::insert_pending(&db, &secret.hash(), &pending, expires_at).await?;
    Ok(secret)
}

/// True while a code may be tried.
///
/// # Errors
/// The database's.
pub async fn is_waiting(state: &AppState, secret: &SessionSecret) -> Result<bool, AppError> {
    let db = state.db().await?;
    let found = store::find_pending(&db, &secret.hash(), MAX_ATTEMPTS, state.clock.now()).await?;
    Ok(found.is_some())
}

/// Tries `code`, and signs in when it is right; a visitor's cart becomes the user's.
///
/// # Errors
/// The database's.
pub async fn finish(
    state: &AppState,
    secret: &SessionSecret,
    code: &SecretString,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Step, AppError> {
    let (hash, now) = (secret.hash(), state.clock.now());
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // Counted before it is looked at: however many come at once, five are looked at.
    let Some(pending) = store::count_attempt(&tx, &hash, MAX_ATTEMPTS, now).await? else {
        return Ok(Step::Over);
    };
    let locked = users::lock_user(&tx, pending.user).await?;
    let Some(locked) =
        locked.filter(|locked| !locked.disabled && locked.session_epoch == pending.epoch)
    else {
        return Ok(Step::Over);
    };
    let proof = prove(state, &tx, &locked.user, code, origin).await?;
    if proof == Proof::Failed {
        tx.commit().await?;
        return Ok(if pending.n_attempts < MAX_ATTEMPTS {
            Step::Wrong
        } else {
            Step::Over
        });
    }
    store::delete_pending(&tx, &hash).await?;
    let begun = begin_session(
        state,
        &tx,
        &locked.user,
        locked.session_epoch,
        pending.remembered,
        visitor,
        origin,
    )
    .await?;
    tx.commit().await?;
    tracing::info!(user.id = %locked.user.id, session.id = %begun.session.id, "signed in");
    Ok(Step::Begun {
        begun: Box::new(begun),
        proof,
    })
}
