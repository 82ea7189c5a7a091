//! Setting a password by a link that was sent to the account's address.

use secrecy::SecretString;
use serde_json::json;

use super::{
    audit::{self, Entry},
    links::{self, BY_A_PASSWORD, Found},
    passwords::Owner,
    sessions::Origin,
};
use crate::{
    db::{addresses, users},
    domain::{
        audit::Event,
        mail::{Letter, LinkKind},
    },
    error::AppError,
    state::AppState,
};

/// Sets the password and ends all sessions. Signs nobody in, and leaves a second factor as it is.
///
/// # Errors
/// [`AppError::Invalid`] for a weak password, which leaves the link good;
/// [`AppError::NotFound`] when the link is not good any more.
pub async fn reset_password(
    state: &AppState,
    token: &str,
    new: SecretString,
    origin: &Origin,
) -> Result<(), AppError> {
    // Before the hashing, which costs much: a guess at a link is not worth it.
    let Found::Good(link) = links::find(state, token, &[LinkKind::Reset]).await? else {
        return Err(AppError::NotFound("link"));
    };
    let owner = Owner {
        email: &link.account_email,
        name: &link.account_name,
        second_factor: link.has_second_factor,
        host: Some(state.config.app_url.host()),
    };
    if let Some(weakness) = state.passwords.weakness(&new, owner).await? {
        return Err(AppError::invalid("new", weakness));
    }
    let hash = state.passwords.hash(new).await?;

    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let (account, _) = links::redeem(&tx, link.user, token, now).await?;
    links::void(&tx, account.id, BY_A_PASSWORD, now).await?;
    users::update_password(&tx, account.id, &hash).await?;
    addresses::update_verified(&tx, account.id, now).await?;
    let entry = Entry {
        event: Event::PasswordChange,
        user: Some(account.id),
        actor: None,
        session: None,
        origin,
        details: json!({ "by": "link" }),
    };
    audit::record_and_tell(&tx, now, entry, Letter::PasswordChanged, &account.email).await?;
    tx.commit().await?;
    Ok(())
}
