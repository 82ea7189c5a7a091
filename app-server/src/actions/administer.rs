//! What an admin does to somebody's account. Never: see or set a password (ASVS 5.0, 6.4.6).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    audit::{Entry, record},
    sessions::Origin,
};
use crate::{
    db::{
        Queries,
        accounts::{self, Account},
        outbox::{NewMail, insert_mail},
    },
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
        mail::Letter,
        user::Role,
    },
    error::{AppError, Conflict},
    state::AppState,
};

/// The admin who acts.
pub struct Acting<'a> {
    /// Who.
    pub admin: UserId,
    /// By which session.
    pub session: SessionId,
    /// From where.
    pub origin: &'a Origin,
}

/// Disables an account: its sessions end, and nobody can sign in. Twice is as good as once.
///
/// # Errors
/// [`AppError::NotFound`], also for one that was deleted; [`Conflict::OneselfAsAdmin`];
/// [`Conflict::LastAdmin`].
pub async fn disable(state: &AppState, acting: Acting<'_>, user: UserId) -> Result<(), AppError> {
    if user == acting.admin {
        return Err(AppError::Conflict(Conflict::OneselfAsAdmin));
    }
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // Before the account itself: whoever locks several admins does so in one order.
    let another = accounts::admin_beside(&tx, user).await?;
    let account = existing(&tx, user).await?;
    if account.user.role == Role::Admin && !another {
        return Err(AppError::Conflict(Conflict::LastAdmin));
    }
    if accounts::disable_account(&tx, user, now).await? {
        written(&tx, now, &acting, user, Event::UserDisabled, json!({})).await?;
        letter(&tx, now, &account, Letter::Disabled).await?;
    }
    Ok(tx.commit().await?)
}

/// Lets a disabled account sign in again; its old sessions stay ended.
///
/// # Errors
/// [`AppError::NotFound`], also for one that was deleted.
pub async fn enable(state: &AppState, acting: Acting<'_>, user: UserId) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    existing(&tx, user).await?;
    if accounts::enable_account(&tx, user).await? {
        written(&tx, now, &acting, user, Event::UserEnabled, json!({})).await?;
    }
    Ok(tx.commit().await?)
}

/// Ends all sessions of an account, at once and on every app server.
///
/// # Errors
/// [`AppError::NotFound`], also for one that was deleted.
pub async fn end_sessions(
    state: &AppState,
    acting: Acting<'_>,
    user: UserId,
) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    existing(&tx, user).await?;
    accounts::end_sessions(&tx, user).await?;
    let details = json!({"why": "admin", "all": true});
    written(&tx, now, &acting, user, Event::SessionEnded, details).await?;
    Ok(tx.commit().await?)
}

/// Sends the account's owner a link to set a new password; the admin sees neither.
///
/// # Errors
/// [`AppError::NotFound`], also for one that was deleted.
pub async fn start_reset(
    state: &AppState,
    acting: Acting<'_>,
    user: UserId,
) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let account = existing(&tx, user).await?;
    let details = json!({"by": "admin"});
    written(&tx, now, &acting, user, Event::PasswordResetAsked, details).await?;
    letter(&tx, now, &account, Letter::ResetPassword).await?;
    Ok(tx.commit().await?)
}

async fn existing(tx: &impl Queries, user: UserId) -> Result<Account, AppError> {
    let account = accounts::lock_account(tx, user).await?;
    let account = account.filter(|account| account.deleted_at.is_none());
    account.ok_or(AppError::NotFound("account"))
}

async fn written(
    tx: &impl Queries,
    at: DateTime<Utc>,
    acting: &Acting<'_>,
    user: UserId,
    event: Event,
    details: Value,
) -> Result<(), AppError> {
    let entry = Entry {
        event,
        user: Some(user),
        actor: Some(acting.admin),
        session: Some(acting.session),
        origin: acting.origin,
        details,
    };
    Ok(record(tx, at, entry).await?)
}

async fn letter(
    tx: &impl Queries,
    at: DateTime<Utc>,
    account: &Account,
    letter: Letter,
) -> Result<(), AppError> {
    let mail = NewMail {
        letter,
        user: account.user.id,
        recipient: &account.user.email,
        session: None,
        at,
    };
    insert_mail(tx, &mail).await?;
    Ok(())
}
