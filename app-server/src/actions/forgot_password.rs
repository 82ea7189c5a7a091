//! Asking for a link to set a new password.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{
    audit::{self, Entry},
    sessions::Origin,
    throttle,
};
use crate::{
    db::{
        addresses,
        outbox::{NewMail, count_mails, insert_mail},
    },
    domain::{audit::Event, email::email_key, ids::UserId, mail::Letter, throttle::AddressLimit},
    error::AppError,
    state::AppState,
};

/// Over this much time letters and questions are counted.
pub(super) const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Letters of one kind an account is written in [`WINDOW`].
pub(super) const PER_ACCOUNT: i64 = 3;

/// Links that may be asked for from one address, for whatever accounts.
const PER_ADDRESS: AddressLimit = AddressLimit {
    what: "forgot",
    limit: 20,
    window: WINDOW,
};

/// Puts a letter into the outbox, if there is an account of this address and it had not enough.
///
/// Whether there is one shows nowhere: the same questions are asked and a row of the audit log is
/// written in either case, and the letter leaves later.
///
/// # Errors
/// [`AppError::TooMany`] for whoever asks, whatever the account.
pub async fn ask(state: &AppState, email: &str, origin: &Origin) -> Result<(), AppError> {
    throttle::count_address(state, PER_ADDRESS, origin).await?;
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let key = email_key(email).replace('\0', "");
    let account = addresses::lock_account_at(&tx, &key).await?;
    let user = account.as_ref().map(|account| account.id);
    let counted = user.unwrap_or(UserId(Uuid::nil()));
    let n_letters = count_mails(&tx, counted, Letter::ResetPassword, now - WINDOW).await?;
    let open = account.filter(|account| !account.is_closed && n_letters < PER_ACCOUNT);
    if let Some(account) = open {
        let letter = NewMail {
            letter: Letter::ResetPassword,
            user: account.id,
            recipient: &account.email,
            session: None,
            at: now,
        };
        insert_mail(&tx, &letter).await?;
    }
    let entry = Entry {
        event: Event::PasswordResetAsked,
        user,
        actor: None,
        session: None,
        origin,
        details: json!({}),
    };
    audit::record(&tx, now, entry).await?;
    tx.commit().await?;
    Ok(())
}
