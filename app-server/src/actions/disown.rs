//! "This was not me": somebody else has the password.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    audit::{Entry, record},
    sessions::Origin,
};
use crate::{
    db::{
        self, Queries, devices,
        outbox::{NewMail, insert_mail},
        users,
    },
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
        mail::Letter,
    },
};

/// Whoever is signed in as `user` is signed out everywhere, and nobody signs in before the password
/// was reset; a letter with a link to do so is on its way to `recipient`, the account's address.
///
/// No browser is known any more. A sign-in under way waits for the caller's transaction, and then
/// is refused.
///
/// # Errors
/// The database's.
pub async fn disown(
    tx: &impl Queries,
    user: UserId,
    recipient: &str,
    session: Option<SessionId>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> db::Result<()> {
    users::require_reset(tx, user, now).await?;
    devices::delete_all(tx, user).await?;
    let entry = Entry {
        event: Event::Disowned,
        user: Some(user),
        actor: None,
        session,
        origin,
        details: json!({}),
    };
    record(tx, now, entry).await?;
    let letter = NewMail {
        letter: Letter::ResetPassword,
        user,
        recipient,
        session: None,
        at: now,
    };
    insert_mail(tx, &letter).await?;
    Ok(())
}
