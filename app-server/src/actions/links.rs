//! Links in letters: looked at as often as anybody likes, used once.

use chrono::{DateTime, Utc};

use crate::{
    db::{
        self, Queries,
        addresses::{self, Account},
        mail_links::{self, Link},
        outbox,
    },
    domain::{
        ids::UserId,
        mail::{Letter, LinkKind},
        secret::LinkSecret,
    },
    error::AppError,
    state::AppState,
};

/// What the end of a link's address stands for.
pub enum Found {
    /// A link that works.
    Good(Box<Link>),
    /// One that was used, is over, or has lost its meaning.
    Over,
    /// None of ours, or one that was forgotten.
    Unknown,
}

/// Looks at a link of one of these kinds; changes nothing.
///
/// # Errors
/// The database does not answer.
pub async fn find(state: &AppState, token: &str, kinds: &[LinkKind]) -> Result<Found, AppError> {
    let Some(secret) = LinkSecret::parse(token) else {
        return Ok(Found::Unknown);
    };
    let db = state.db().await?;
    let link = mail_links::find_link(&db, &secret.hash()).await?;
    Ok(match link.filter(|link| kinds.contains(&link.kind)) {
        None => Found::Unknown,
        Some(link) if is_good(&link, state.clock.now()) => Found::Good(Box::new(link)),
        Some(_) => Found::Over,
    })
}

fn is_good(link: &Link, now: DateTime<Utc>) -> bool {
    let is_of_present_address = link.email_key == link.account_email_key;
    let has_meaning = match link.kind {
        LinkKind::Verify | LinkKind::Reset => is_of_present_address,
        LinkKind::NewAddress => !is_of_present_address,
        LinkKind::NotMe => true,
    };
    !link.is_used && !link.is_closed && now < link.expires_at && has_meaning
}

/// Uses a link to the account of `user`, which stays locked for the rest of the caller's
/// transaction: of any number of attempts one succeeds.
///
/// # Errors
/// [`AppError::NotFound`] when the link is not good any more, or the account is gone.
pub(super) async fn redeem(
    tx: &impl Queries,
    user: UserId,
    token: &str,
    now: DateTime<Utc>,
) -> Result<(Account, Link), AppError> {
    let none = || AppError::NotFound("link");
    let account = addresses::lock_account(tx, user).await?.ok_or_else(none)?;
    let hash = LinkSecret::parse(token).ok_or_else(none)?.hash();
    let link = mail_links::find_link(tx, &hash).await?;
    let link = link.filter(|link| is_good(link, now)).ok_or_else(none)?;
    let won = mail_links::use_link(tx, &hash, now).await?;
    won.then_some((account, link)).ok_or_else(none)
}

/// What stands open for an account: links that were sent, and letters that will bring one.
///
/// Letters first: a worker that is just making a link holds its letter's row.
pub(super) async fn void(
    tx: &impl Queries,
    user: UserId,
    kinds: &[LinkKind],
    now: DateTime<Utc>,
) -> db::Result<()> {
    void_since(tx, user, kinds, None, now).await
}

/// The same, of letters written since a moment.
pub(super) async fn void_since(
    tx: &impl Queries,
    user: UserId,
    kinds: &[LinkKind],
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> db::Result<()> {
    let is_one = |letter: &Letter| letter.link().is_some_and(|kind| kinds.contains(&kind));
    let letters: Vec<Letter> = Letter::ALL.iter().copied().filter(is_one).collect();
    outbox::withdraw_mails(tx, user, &letters, since, now).await?;
    mail_links::void_links(tx, user, kinds, since, now).await
}

/// What a new password voids: other ways to set one, and a change of address that somebody may
/// have begun who knew the old one.
pub(super) const BY_A_PASSWORD: &[LinkKind] = &[LinkKind::Reset, LinkKind::NewAddress];
