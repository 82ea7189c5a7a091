//! Following "this was not me" in a letter.

use serde_json::json;

use super::{
    audit::{self, Entry},
    disown::disown,
    links::{self, Found},
    sessions::Origin,
};
use crate::{
    db::{
        Queries,
        addresses::{self, Account},
        mail_links::Link,
    },
    domain::{
        audit::Event,
        email::Email,
        mail::{Letter, LinkKind},
    },
    error::{AppError, Conflict},
    state::AppState,
};

/// Ends all sessions and orders a reset. An address that took the place of the letter's one
/// meanwhile goes: else the link to reset would be sent to whoever put it there.
///
/// # Errors
/// [`AppError::NotFound`] when the link is not good any more; [`Conflict::EmailTaken`] when another
/// account has the letter's address by now: everybody is signed out, and the operator must help.
pub async fn not_me(state: &AppState, token: &str, origin: &Origin) -> Result<(), AppError> {
    let Found::Good(link) = links::find(state, token, &[LinkKind::NotMe]).await? else {
        return Err(AppError::NotFound("link"));
    };
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let (account, link) = links::redeem(&tx, link.user, token, now).await?;
    // Whatever else stands open may have been asked for by an intruder. But an older letter of this
    // kind speaks for whoever had the account before: the address of the newer one may be the
    // intruder's.
    let others: Vec<LinkKind> = LinkKind::ALL
        .iter()
        .copied()
        .filter(|kind| *kind != LinkKind::NotMe)
        .collect();
    links::void(&tx, account.id, &others, now).await?;
    links::void_since(&tx, account.id, &[LinkKind::NotMe], Some(link.about), now).await?;
    disown(&tx, account.id, &link.recipient, None, origin, now).await?;
    let is_present = account.email_key == link.email_key;
    let is_free = is_present || !addresses::address_is_taken(&tx, &link.email_key).await?;
    if !is_present && is_free {
        put_back(&tx, &account, &link, now, origin).await?;
    }
    tx.commit().await?;
    if is_free {
        Ok(())
    } else {
        Err(AppError::Conflict(Conflict::EmailTaken))
    }
}

/// The letter's address takes its place again: its link has just proved it.
async fn put_back(
    tx: &impl Queries,
    account: &Account,
    link: &Link,
    now: chrono::DateTime<chrono::Utc>,
    origin: &Origin,
) -> Result<(), AppError> {
    let former = Email::parse(&link.recipient).ok_or(AppError::NotFound("link"))?;
    addresses::update_address(tx, account.id, &former, now)
        .await
        .map_err(super::register::taken)?;
    let entry = Entry {
        event: Event::UserUpdated,
        user: Some(account.id),
        actor: None,
        session: None,
        origin,
        details: json!({ "changed": "email", "by": "former address" }),
    };
    audit::record_and_tell(tx, now, entry, Letter::AddressRestored, &account.email).await?;
    Ok(())
}
