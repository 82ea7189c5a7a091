//! The outbox: letters that are to be sent.

use chrono::{DateTime, Utc};

use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    ids::{MailId, SessionId, UserId},
    mail::Letter,
    user::Role,
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

/// A letter whose turn it is, with what it is written from.
pub struct DueMail {
    /// Which.
    pub id: MailId,
    /// What it is about.
    pub letter: Letter,
    /// Where to.
    pub recipient: String,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// Attempts before this one.
    pub n_attempts: u32,
    /// Whose account it is about.
    pub owner: Owner,
    /// Where it was done from: the session it tells about.
    pub session: Option<Place>,
}

/// The account a letter is about, as it is now.
pub struct Owner {
    /// Who.
    pub id: UserId,
    /// What the shop calls them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The present address, in lower case.
    pub email_key: String,
    /// The present address was proved.
    pub is_verified: bool,
    /// Disabled or deleted: nothing is set or proved there.
    pub is_closed: bool,
}

/// Where a session was begun from.
pub struct Place {
    /// The address.
    pub ip: String,
    /// The program, in its own words.
    pub user_agent: String,
    /// The country, where it is known.
    pub country: Option<String>,
}

/// Locks the letter whose turn it is; those that another worker has locked are passed over.
///
/// Cost: one row of the partial index `mails_due_idx`, which holds only what waits.
pub async fn lock_due_mail(db: &impl Queries, now: DateTime<Utc>) -> Result<Option<DueMail>> {
    let row = db.query_opt(LOCK_DUE_MAIL, &[&now]).await?;
    row.map(DueMail::try_from).transpose()
}

const LOCK_DUE_MAIL: &str = "
    select mail_id, kind, recipient, mails.created_at, n_attempts,
           users.user_id, name, role, email_key, email_verified_at, disabled_at, deleted_at,
           sessions.ip, sessions.user_agent, sessions.country
      from mails
      join users using (user_id)
      left join sessions on sessions.session_id = mails.session_id
     where sent_at is null and given_up_at is null and next_attempt_at <= $1
     order by next_attempt_at, mail_id
     limit 1
       for update of mails skip locked";

/// Counts an attempt before it is made; should the program die in it, the next one is due then.
pub async fn update_attempt(
    db: &impl Queries,
    mail: MailId,
    next_attempt_at: DateTime<Utc>,
) -> Result<()> {
    db.execute(UPDATE_ATTEMPT, &[&mail, &next_attempt_at])
        .await?;
    Ok(())
}

const UPDATE_ATTEMPT: &str = "
    update mails set n_attempts = n_attempts + 1, next_attempt_at = $2 where mail_id = $1";

/// Notes that a letter has left.
pub async fn update_sent(db: &impl Queries, mail: MailId, now: DateTime<Utc>) -> Result<()> {
    db.execute(UPDATE_SENT, &[&mail, &now]).await?;
    Ok(())
}

const UPDATE_SENT: &str = "update mails set sent_at = $2 where mail_id = $1";

/// Notes that a letter will not leave.
pub async fn update_given_up(db: &impl Queries, mail: MailId, now: DateTime<Utc>) -> Result<()> {
    db.execute(UPDATE_GIVEN_UP, &[&mail, &now]).await?;
    Ok(())
}

const UPDATE_GIVEN_UP: &str = "update mails set given_up_at = $2 where mail_id = $1";

/// Takes back the user's letters of these kinds that have not left yet.
pub async fn withdraw_mails(
    db: &impl Queries,
    user: UserId,
    letters: &[Letter],
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let kinds: Vec<&str> = letters.iter().map(|letter| letter.as_str()).collect();
    db.execute(WITHDRAW_MAILS, &[&user, &kinds, &now, &since])
        .await?;
    Ok(())
}

const WITHDRAW_MAILS: &str = "
    update mails set given_up_at = $3
     where user_id = $1 and kind = any($2) and sent_at is null and given_up_at is null
       and ($4::timestamptz is null or created_at >= $4)";

/// How many letters of a kind the user was written since a moment.
pub async fn count_mails(
    db: &impl Queries,
    user: UserId,
    letter: Letter,
    since: DateTime<Utc>,
) -> Result<i64> {
    let row = db
        .query_one(COUNT_MAILS, &[&user, &letter.as_str(), &since])
        .await?;
    Ok(row.try_get("n")?)
}

const COUNT_MAILS: &str = "
    select count(*) as n from mails where user_id = $1 and kind = $2 and created_at > $3";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    INSERT_MAIL,
    LOCK_DUE_MAIL,
    UPDATE_ATTEMPT,
    UPDATE_SENT,
    UPDATE_GIVEN_UP,
    WITHDRAW_MAILS,
    COUNT_MAILS,
];

impl TryFrom<Row> for DueMail {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |table, column| DbError::Inconsistent { table, column };
        let at = |column| row.try_get::<_, Option<DateTime<Utc>>>(column);
        let n_attempts: i32 = row.try_get("n_attempts")?;
        let ip: Option<String> = row.try_get("ip")?;
        let user_agent: Option<String> = row.try_get("user_agent")?;
        let country = row.try_get("country")?;
        Ok(Self {
            id: row.try_get("mail_id")?,
            letter: Letter::parse(row.try_get("kind")?).ok_or(corrupt("mails", "kind"))?,
            recipient: row.try_get("recipient")?,
            created_at: row.try_get("created_at")?,
            n_attempts: u32::try_from(n_attempts).unwrap_or_default(),
            owner: Owner {
                id: row.try_get("user_id")?,
                name: row.try_get("name")?,
                role: Role::parse(row.try_get("role")?).ok_or(corrupt("users", "role"))?,
                email_key: row.try_get("email_key")?,
                is_verified: at("email_verified_at")?.is_some(),
                is_closed: at("disabled_at")?.is_some() || at("deleted_at")?.is_some(),
            },
            session: ip.zip(user_agent).map(|(ip, user_agent)| Place {
                ip,
                user_agent,
                country,
            }),
        })
    }
}
