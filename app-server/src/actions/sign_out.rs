//! Signing out: one session ends.

use serde_json::json;

use super::{
    audit::{Entry, record},
    sessions::Origin,
};
use crate::{
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
    },
    error::AppError,
    state::AppState,
};

/// Ends a session of `user` because they signed out, or signed in anew in the same browser.
///
/// # Errors
/// The database does not answer: the session goes on, and the user must be told.
pub async fn sign_out(
    state: &AppState,
    user: UserId,
    session: SessionId,
    origin: &Origin,
) -> Result<(), AppError> {
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    state.sessions.sign_out(&tx, session).await?;
    let ended = Entry {
        event: Event::SessionEnded,
        user: Some(user),
        actor: None,
        session: Some(session),
        origin,
        details: json!({"why": "signed_out"}),
    };
    record(&tx, state.clock.now(), ended).await?;
    tx.commit().await?;
    Ok(())
}
