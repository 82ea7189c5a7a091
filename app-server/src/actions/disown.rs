//! "This was not me": everybody is signed out, and nobody gets in before the password is reset.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    audit::{self, Entry},
    sessions::Origin,
};
use crate::{
    db::{
        self, Queries, addresses,
        outbox::{NewMail, insert_mail},
    },
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
        mail::Letter,
    },
};

/// Ends all sessions of `user`, orders a reset and writes its link to `recipient`, within the
/// caller's transaction, which holds the user's row locked.
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
    addresses::update_must_reset(tx, user, now).await?;
    let letter = NewMail {
        letter: Letter::ResetPassword,
        user,
        recipient,
        session: None,
        at: now,
    };
    insert_mail(tx, &letter).await?;
    let entry = Entry {
        event: Event::Disowned,
        user: Some(user),
        actor: None,
        session,
        origin,
        details: json!({}),
    };
    audit::record(tx, now, entry).await?;
    Ok(())
}
