//! Changing an account's address: asked for by its user, done by a link sent to the new one.

use serde_json::json;

use super::{
    audit::{self, Entry},
    forgot_password::{PER_ACCOUNT, WINDOW},
    links,
    register::taken,
    sessions::Origin,
};
use crate::{
    db::{
        addresses,
        audit::count_user_events,
        mail_links::Link,
        outbox::{NewMail, insert_mail},
    },
    domain::{
        audit::Event,
        email::Email,
        ids::SessionId,
        mail::{Letter, LinkKind},
        user::User,
    },
    error::AppError,
    state::AppState,
};

/// Sends a link to the new address; the present one stays the account's until it is used.
///
/// Whether another account has that address shows nowhere: then there is only no letter.
///
/// # Errors
/// [`AppError::Invalid`] for what is no address, or the present one;
/// [`AppError::TooMany`] over three an hour.
pub async fn ask(
    state: &AppState,
    user: &User,
    session: SessionId,
    new: &str,
    origin: &Origin,
) -> Result<Email, AppError> {
    let Some(new) = Email::parse(new) else {
        let detail = "This is not an e-mail address like name@example.org.";
        return Err(AppError::invalid("email", detail));
    };
    let now = state.clock.now();
    let event = Event::AddressChangeAsked;
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let account = addresses::lock_account(&tx, user.id).await?;
    let account = account.ok_or(AppError::SignInRequired)?;
    // Whoever held the lock may have ended everything: the proof of this session with it.
    let store = state.sessions.store();
    if !store.is_live(&tx, session, user.id, now).await? {
        return Err(AppError::SignInRequired);
    }
    if account.email_key == new.key() {
        let detail = "This is your address already.";
        return Err(AppError::invalid("email", detail));
    }
    // Wishes are counted, not letters: that one was written would tell that the address is free.
    if count_user_events(&tx, user.id, event, now - WINDOW).await? >= PER_ACCOUNT {
        let retry_after = WINDOW.to_std().unwrap_or_default();
        return Err(AppError::TooMany { retry_after });
    }
    // The newest wish counts; an earlier one may have been a slip.
    links::void(&tx, user.id, &[LinkKind::NewAddress], now).await?;
    if !addresses::address_is_taken(&tx, &new.key()).await? {
        let letter = NewMail {
            letter: Letter::ConfirmNewAddress,
            user: user.id,
            recipient: new.as_str(),
            session: Some(session),
            at: now,
        };
        insert_mail(&tx, &letter).await?;
    }
    let entry = Entry {
        event,
        user: Some(user.id),
        actor: None,
        session: Some(session),
        origin,
        details: json!({}),
    };
    audit::record(&tx, now, entry).await?;
    tx.commit().await?;
    Ok(new)
}

/// Makes the address that the letter went to the account's, by a link that was found good.
///
/// # Errors
/// [`AppError::NotFound`] when the link is not good any more;
/// [`crate::error::Conflict::EmailTaken`] when another account has it by now.
pub async fn confirm(
    state: &AppState,
    token: &str,
    link: &Link,
    origin: &Origin,
) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let (account, link) = links::redeem(&tx, link.user, token, now).await?;
    let new = Email::parse(&link.recipient).ok_or(AppError::NotFound("link"))?;
    // What was sent to the old address is good for it only.
    let kinds = [LinkKind::NewAddress, LinkKind::Reset, LinkKind::Verify];
    links::void(&tx, account.id, &kinds, now).await?;
    addresses::update_address(&tx, account.id, &new, now)
        .await
        .map_err(taken)?;
    let entry = Entry {
        event: Event::UserUpdated,
        user: Some(account.id),
        actor: None,
        session: None,
        origin,
        details: json!({ "changed": "email" }),
    };
    audit::record_and_tell(&tx, now, entry, Letter::AddressChanged, &account.email).await?;
    tx.commit().await?;
    Ok(())
}
