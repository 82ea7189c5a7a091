//! Proving that an account's address is its owner's.

use serde_json::json;

use super::{
    audit::{self, Entry},
    forgot_password::{PER_ACCOUNT, WINDOW},
    links,
    sessions::Origin,
};
use crate::{
    db::{
        addresses,
        mail_links::Link,
        outbox::{NewMail, count_mails, insert_mail},
    },
    domain::{audit::Event, ids::UserId, mail::Letter},
    error::AppError,
    state::AppState,
};

/// Notes that the address is proved, by a link that was found good.
///
/// # Errors
/// [`AppError::NotFound`] when the link is not good any more.
pub async fn verify(
    state: &AppState,
    token: &str,
    link: &Link,
    origin: &Origin,
) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let (account, link) = links::redeem(&tx, link.user, token, now).await?;
    links::void(&tx, account.id, &[link.kind], now).await?;
    addresses::update_verified(&tx, account.id, now).await?;
    let entry = Entry {
        event: Event::AddressVerified,
        user: Some(account.id),
        actor: None,
        session: None,
        origin,
        details: json!({}),
    };
    audit::record(&tx, now, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Sends the letter once more; nothing when the address is proved already.
///
/// # Errors
/// [`AppError::TooMany`] over three letters an hour.
pub async fn ask_again(state: &AppState, user: UserId) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let account = addresses::lock_account(&tx, user).await?;
    let account = account.ok_or(AppError::SignInRequired)?;
    if account.verified_at.is_some() {
        return Ok(());
    }
    let letter = Letter::VerifyAddress;
    if count_mails(&tx, user, letter, now - WINDOW).await? >= PER_ACCOUNT {
        let retry_after = WINDOW.to_std().unwrap_or_default();
        return Err(AppError::TooMany { retry_after });
    }
    let letter = NewMail {
        letter,
        user,
        recipient: &account.email,
        session: None,
        at: now,
    };
    insert_mail(&tx, &letter).await?;
    tx.commit().await?;
    Ok(())
}
