//! Deleting an account: asked for, perhaps taken back, and done after the time of grace.

use chrono::{DateTime, Utc};
use serde_json::json;
use shared::clock::Clock;

use super::{
    audit::{Entry, record},
    sessions::{Begun, Origin},
};
use crate::{
    db::{
        self, Database, Queries, accounts, deletion as store,
        outbox::{NewMail, insert_mail},
    },
    domain::{
        audit::Event,
        deletion::{GRACE, due_at},
        ids::{SessionId, UserId},
        mail::Letter,
        session::Session,
        user::{Role, User},
    },
    error::{AppError, Conflict},
    state::AppState,
};

/// Notes that the user wants to be deleted; `session` goes on, all others end.
///
/// Nothing when it was noted before.
///
/// # Errors
/// [`Conflict::LastAdmin`]; [`AppError::SignInRequired`] when the session was ended meanwhile.
pub async fn ask(
    state: &AppState,
    user: &User,
    session: &Session,
    origin: &Origin,
) -> Result<Option<Begun>, AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    if user.role == Role::Admin && !accounts::admin_beside(&tx, user.id).await? {
        return Err(AppError::Conflict(Conflict::LastAdmin));
    }
    let Some(epoch) = accounts::ask_deletion(&tx, user.id, now).await? else {
        return Ok(None);
    };
    let begun = state.sessions.go_on(&tx, session.clone(), epoch).await?;
    let entry = entry(Event::DeletionAsked, user.id, Some(session.id), origin, now);
    record(&tx, now, entry).await?;
    letter(&tx, now, user.id, &user.email, Letter::DeletionAsked).await?;
    tx.commit().await?;
    Ok(Some(begun))
}

/// Takes it back. Twice is as good as once.
///
/// # Errors
/// The database's.
pub async fn withdraw(
    state: &AppState,
    user: UserId,
    session: SessionId,
    origin: &Origin,
) -> Result<(), AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    if accounts::withdraw_deletion(&tx, user).await? {
        let entry = Entry {
            details: json!({}),
            ..entry(Event::DeletionWithdrawn, user, Some(session), origin, now)
        };
        record(&tx, now, entry).await?;
    }
    Ok(tx.commit().await?)
}

/// Deletes all accounts whose time of grace is over; the number deleted.
///
/// # Errors
/// The database's; those deleted before stay deleted.
pub async fn delete_due(database: &Database, clock: &Clock) -> db::Result<u64> {
    let mut n_deleted = 0;
    let mut db = database.client().await?;
    store::delete_farewells(&db).await?;
    loop {
        let now = clock.now();
        let tx = db.transaction().await?;
        let Some(user) = store::lock_due(&tx, now - GRACE).await? else {
            return Ok(n_deleted);
        };
        let account = accounts::find_account(&tx, user).await?;
        let origin = Origin {
            ip: String::new(),
            user_agent: String::new(),
            country: None,
            device: None,
        };
        let deleted = Entry {
            details: json!({}),
            ..entry(Event::UserDeleted, user, None, &origin, now)
        };
        record(&tx, now, deleted).await?;
        store::forget(&tx, user, now).await?;
        if let Some(account) = account {
            letter(&tx, now, user, &account.user.email, Letter::Deleted).await?;
        }
        tx.commit().await?;
        n_deleted += 1;
    }
}

fn entry(
    event: Event,
    user: UserId,
    session: Option<SessionId>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Entry<'_> {
    Entry {
        event,
        user: Some(user),
        actor: None,
        session,
        origin,
        details: json!({"due_at": due_at(now)}),
    }
}

async fn letter(
    tx: &impl Queries,
    at: DateTime<Utc>,
    user: UserId,
    recipient: &str,
    letter: Letter,
) -> db::Result<()> {
    let mail = NewMail {
        letter,
        user,
        recipient,
        session: None,
        at,
    };
    insert_mail(tx, &mail).await?;
    Ok(())
}
