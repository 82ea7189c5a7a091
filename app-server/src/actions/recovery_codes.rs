//! New recovery codes, in place of the old ones.

use serde_json::json;

use super::{
    audit::{self, Entry},
    sessions::Origin,
};
use crate::{
    db::{recovery_codes, users},
    domain::{
        audit::Event,
        ids::UserId,
        mail::Letter,
        recovery_code::{N_CODES, RecoveryCode},
        session::Session,
    },
    error::AppError,
    state::AppState,
};

/// Makes ten new codes, to be shown once; all old ones are void.
///
/// # Errors
/// [`AppError::NotFound`] without a second factor.
pub async fn renew(
    state: &AppState,
    session: &Session,
    origin: &Origin,
) -> Result<Vec<RecoveryCode>, AppError> {
    let user = session.user_id().ok_or(AppError::SignInRequired)?;
    let codes = new_codes()?;
    let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let locked = users::lock_user(&tx, user).await?;
    // Whoever held the lock may have ended everything: the proof of this session with it.
    let store = state.sessions.store();
    if !store.is_live(&tx, session.id, user, now).await? {
        return Err(AppError::SignInRequired);
    }
    let locked = locked.filter(|locked| locked.user.second_factor);
    let locked = locked.ok_or(AppError::NotFound("second factor"))?;
    recovery_codes::replace_codes(&tx, user, &hashes, now).await?;
    let entry = Entry {
        event: Event::RecoveryCodesRenewed,
        user: Some(user),
        actor: None,
        session: Some(session.id),
        origin,
        details: json!({}),
    };
    audit::record_and_tell(&tx, now, entry, Letter::RecoveryCodes, &locked.user.email).await?;
    tx.commit().await?;
    Ok(codes)
}

/// How many unused codes a user has.
///
/// # Errors
/// The database's.
pub async fn count_left(state: &AppState, user: UserId) -> Result<i64, AppError> {
    let db = state.db().await?;
    Ok(recovery_codes::count_unused(&db, user).await?)
}

/// As many codes as a user has at a time.
pub(super) fn new_codes() -> Result<Vec<RecoveryCode>, AppError> {
    std::iter::repeat_with(RecoveryCode::generate)
        .take(N_CODES)
        .collect::<Result<_, _>>()
        .map_err(AppError::internal)
}
