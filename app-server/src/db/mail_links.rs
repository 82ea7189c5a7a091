//! Links in letters: found by the hash of a secret that only the letter holds.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    ids::{MailId, UserId},
    mail::LinkKind,
};

/// A link about to be sent.
pub struct NewLink<'a> {
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// The letter it is in.
    pub mail: MailId,
    /// What it may do.
    pub kind: LinkKind,
    /// For whose account.
    pub user: UserId,
    /// The letter's address in lower case: what it is good for.
    pub email_key: &'a str,
    /// Now.
    pub at: DateTime<Utc>,
}

/// Adds a link.
pub async fn insert_link(db: &impl Queries, new: &NewLink<'_>) -> Result<()> {
    let parameters: [super::Parameter<'_>; 7] = [
        &new.secret_hash.as_slice(),
        &new.mail,
        &new.kind.as_str(),
        &new.user,
        &new.email_key,
        &new.at,
        &(new.at + new.kind.lifetime()),
    ];
    db.execute(INSERT_LINK, &parameters).await?;
    Ok(())
}

const INSERT_LINK: &str = "
    insert into mail_links (secret_hash, mail_id, kind, user_id, email_key, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7)";

/// A link, with the account it is for as it is now.
pub struct Link {
    /// What it may do.
    pub kind: LinkKind,
    /// For whose account.
    pub user: UserId,
    /// Where its letter went to.
    pub recipient: String,
    /// The same in lower case.
    pub email_key: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// It did what it may.
    pub is_used: bool,
    /// The account's present address, as typed.
    pub account_email: String,
    /// The same in lower case.
    pub account_email_key: String,
    /// What the shop calls its owner.
    pub account_name: String,
    /// Signing in to it takes a code as well.
    pub has_second_factor: bool,
    /// The account is disabled or deleted.
    pub is_closed: bool,
    /// When that happened which the letter tells about.
    pub about: DateTime<Utc>,
}

/// The link whose secret has this hash.
pub async fn find_link(db: &impl Queries, secret_hash: &[u8; 32]) -> Result<Option<Link>> {
    let row = db.query_opt(FIND_LINK, &[&secret_hash.as_slice()]).await?;
    row.map(Link::try_from).transpose()
}

const FIND_LINK: &str = "
    select mail_links.kind, mail_links.user_id, recipient, mail_links.email_key, expires_at, used_at,
           mails.created_at as about,
           users.email as account_email, users.email_key as account_email_key,
           users.name as account_name, second_factor_at, disabled_at, deleted_at
      from mail_links
      join mails using (mail_id)
      join users on users.user_id = mail_links.user_id
     where secret_hash = $1";

/// Uses a link; false when it was used or is over. Of any number of attempts one is true.
pub async fn use_link(
    db: &impl Queries,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool> {
    Ok(db
        .execute(USE_LINK, &[&secret_hash.as_slice(), &now])
        .await?
        == 1)
}

const USE_LINK: &str = "
    update mail_links set used_at = $2
     where secret_hash = $1 and used_at is null and expires_at > $2";

/// Voids the user's unused links of these kinds.
pub async fn void_links(
    db: &impl Queries,
    user: UserId,
    kinds: &[LinkKind],
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    db.execute(VOID_LINKS, &[&user, &kinds, &now, &since])
        .await?;
    Ok(())
}

const VOID_LINKS: &str = "
    update mail_links set used_at = $3
      from mails
     where mail_links.user_id = $1 and mail_links.kind = any($2) and used_at is null
       and mails.mail_id = mail_links.mail_id
       and ($4::timestamptz is null or mails.created_at >= $4)";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[INSERT_LINK, FIND_LINK, USE_LINK, VOID_LINKS];

impl TryFrom<Row> for Link {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = DbError::Inconsistent {
            table: "mail_links",
            column: "kind",
        };
        let at = |column| row.try_get::<_, Option<DateTime<Utc>>>(column);
        Ok(Self {
            kind: LinkKind::parse(row.try_get("kind")?).ok_or(corrupt)?,
            user: row.try_get("user_id")?,
            recipient: row.try_get("recipient")?,
            email_key: row.try_get("email_key")?,
            expires_at: row.try_get("expires_at")?,
            is_used: at("used_at")?.is_some(),
            account_email: row.try_get("account_email")?,
            account_email_key: row.try_get("account_email_key")?,
            account_name: row.try_get("account_name")?,
            has_second_factor: at("second_factor_at")?.is_some(),
            is_closed: at("disabled_at")?.is_some() || at("deleted_at")?.is_some(),
            about: row.try_get("about")?,
        })
    }
}
