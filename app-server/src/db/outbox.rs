//! The outbox: letters that are to be sent.

use chrono::{DateTime, Utc};

use super::{Queries, Result};
use crate::domain::{
    ids::{MailId, SessionId, UserId},
    mail::Letter,
};

/// A letter about to be put into the outbox.
pub struct NewMail<'a> {
    /// What it is about.
    pub letter: Letter,
    /// Whose account it is about.
    pub user: UserId,
    /// Where to: the account's address at this moment, or the one it shall have.
    pub recipient: &'a str,
    /// The session it tells about.
    pub session: Option<SessionId>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// Puts a letter into the outbox, in the transaction of what it tells about.
///
/// Only kind and identifiers are stored: what a link in it holds is made when it is sent.
pub async fn insert_mail(db: &impl Queries, new: &NewMail<'_>) -> Result<MailId> {
    let id = MailId::generate(new.at);
    let parameters: [super::Parameter<'_>; 6] = [
        &id,
        &new.letter.as_str(),
        &new.user,
        &new.recipient,
        &new.session,
        &new.at,
    ];
    db.execute(INSERT_MAIL, &parameters).await?;
    Ok(id)
}

const INSERT_MAIL: &str = "
    insert into mails (mail_id, kind, user_id, recipient, session_id, created_at, n_attempts, next_attempt_at)
    values ($1, $2, $3, $4, $5, $6, 0, $6)";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[INSERT_MAIL];
