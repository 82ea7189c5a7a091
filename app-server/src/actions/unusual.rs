//! Noticing sign-ins that are unusual for an account.

use serde_json::json;

use super::{
    audit::{Entry, record_and_tell},
    sessions::{Begun, Origin},
    throttle::Pass,
};
use crate::{
    db::{self, Queries, places},
    domain::{
        audit::Event,
        ids::UserId,
        mail::Letter,
        unusual::{HISTORY, History, Place, Reason, reasons},
        user::User,
    },
    error::AppError,
    state::AppState,
};

/// Why signing in as `user` from `origin` is unusual; asked before the session begins.
///
/// # Errors
/// The database's, or the session store's.
pub async fn find(
    state: &AppState,
    user: UserId,
    pass: &Pass,
    origin: &Origin,
) -> Result<Vec<Reason>, AppError> {
    let countries = {
        let db = state.db().await?;
        places::list_countries(&db, user, state.clock.now() - HISTORY).await?
    };
    let active = state.sessions.list(user).await?;
    let active = active.iter().map(|session| Place {
        ip: &session.ip,
        country: session.country.as_deref(),
    });
    let here = Place {
        ip: &origin.ip,
        country: origin.country.as_deref(),
    };
    let history = History {
        countries: &countries,
        active: active.collect(),
        n_failures: pass.n_failures_before(),
        known_device: pass.by_known_device(),
    };
    Ok(reasons(here, &history))
}

/// Writes an unusual sign-in down and tells the owner, with a link for "this was not me".
///
/// # Errors
/// The database's.
pub async fn tell(
    tx: &impl Queries,
    user: &User,
    begun: &Begun,
    reasons: &[Reason],
    origin: &Origin,
) -> db::Result<()> {
    let at = begun.session.created_at;
    let entry = Entry {
        event: Event::Unusual,
        user: Some(user.id),
        actor: None,
        session: Some(begun.session.id),
        origin,
        details: json!({"reasons": reasons}),
    };
    record_and_tell(tx, at, entry, Letter::UnusualSignIn, &user.email).await?;
    Ok(())
}
