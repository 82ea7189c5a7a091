//! Sends the owner of a file to a download server.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::json;
use shared::{base_url::BaseUrl, token::DownloadToken};
use uuid::Uuid;

use super::{
    audit::{Entry, record_refusal},
    sessions::Origin,
};
use crate::{
    db::{Queries, downloads, downloads::OwnedFile, mints, mints::Mint},
    domain::{
        audit::Event,
        ids::{FileId, SessionId, UserId},
    },
    error::AppError,
    state::AppState,
};

/// Who asks for a file.
pub struct Asking {
    /// The user.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
    /// From where.
    pub origin: Origin,
}

/// A permission that was given: one delivery of one file.
pub struct Minted {
    /// The address that delivers it, the token in its path.
    pub url: String,
    /// The token, for clients that send it as a header.
    pub token: String,
    /// The address for those.
    pub bearer_url: String,
    /// Until when the delivery must have begun.
    pub expires_at: DateTime<Utc>,
}

/// Signs a short-lived token for a file that the user owns, and records it.
///
/// # Errors
/// [`AppError::NotFound`] when they do not own it, [`AppError::NoDownloadServer`],
/// [`AppError::TooMany`] beyond [`mints::LIMIT`] in any minute. No token is recorded then, but that
/// it was refused.
pub async fn mint_download(
    state: &AppState,
    asking: Asking,
    file: FileId,
) -> Result<Minted, AppError> {
    let minted = mint(state, &asking, file).await;
    let refused = match &minted {
        Err(AppError::NotFound(_)) => Event::AccessDenied,
        Err(AppError::TooMany { .. }) => Event::RateLimited,
        _ => return minted,
    };
    let entry = Entry {
        event: refused,
        user: Some(asking.user),
        actor: None,
        session: Some(asking.session),
        origin: &asking.origin,
        details: json!({"file": file}),
    };
    record_refusal(&state.db().await?, state.clock.now(), entry).await?;
    minted
}

async fn mint(state: &AppState, asking: &Asking, file: FileId) -> Result<Minted, AppError> {
    let found = {
        let db = state.db().await?;
        // Who asks too often is told so before anybody waits for a lock.
        within_limit(&db, asking.user, state.clock.now()).await?;
        find_owned(&db, asking.user, file).await?
    };
    // Without a connection in hand: a server that has to be asked first may take its time.
    let audience = state
        .nodes
        .find(&found.key)
        .await
        .ok_or(AppError::NoDownloadServer)?;

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    mints::lock_mints(&tx, asking.user).await?;
    let now = state.clock.now();
    within_limit(&tx, asking.user, now).await?;
    // Again: meanwhile the purchase may have been refunded, or the session ended.
    let file = find_owned(&tx, asking.user, file).await?;
    let store = state.sessions.store();
    if !store.is_live(&tx, asking.session, asking.user, now).await? {
        return Err(AppError::SignInRequired);
    }
    let token = token_for(state, &file, &audience, now);
    let mint = recorded(&token, &file, asking, now);
    mints::insert_mint(&tx, &mint).await?;
    let text = state.signer.sign(token).map_err(AppError::internal)?;
    tx.commit().await?;

    tracing::info!(
        jti = %mint.jti,
        file.id = %mint.file,
        user.id = %mint.user,
        audience = mint.audience,
        "a download token was given out",
    );
    Ok(Minted {
        url: audience.join(&format!("/d/{text}")),
        bearer_url: audience.join("/d"),
        token: text,
        expires_at: mint.expires_at,
    })
}

/// The file, if the user owns it.
///
/// # Errors
/// [`AppError::NotFound`], also for a file that somebody else owns.
pub async fn find(state: &AppState, user: UserId, file: FileId) -> Result<OwnedFile, AppError> {
    find_owned(&state.db().await?, user, file).await
}

async fn find_owned(db: &impl Queries, user: UserId, file: FileId) -> Result<OwnedFile, AppError> {
    let found = downloads::owned_file(db, user, file).await?;
    found.ok_or(AppError::NotFound("file"))
}

async fn within_limit(db: &impl Queries, user: UserId, now: DateTime<Utc>) -> Result<(), AppError> {
    let Some(until) = mints::limited_until(db, user, now).await? else {
        return Ok(());
    };
    let retry_after = (until - now).to_std().unwrap_or(Duration::from_secs(1));
    Err(AppError::TooMany { retry_after })
}

fn token_for(
    state: &AppState,
    file: &OwnedFile,
    audience: &BaseUrl,
    now: DateTime<Utc>,
) -> DownloadToken {
    let iat = now.timestamp();
    let lifetime_secs = i64::try_from(state.config.token_ttl.as_secs()).unwrap_or_default();
    DownloadToken {
        iss: state.config.app_url.as_str().to_owned(),
        aud: audience.as_str().to_owned(),
        sub: file.purchase.0,
        jti: Uuid::new_v4(),
        iat,
        exp: iat.saturating_add(lifetime_secs),
        fid: file.id.0,
        key: file.key,
        size: file.size_bytes,
        media_type: file.media_type.clone(),
        published_at: file.published_at.timestamp(),
        name: file.name.as_str().to_owned(),
    }
}

/// What is kept of `token`.
fn recorded(token: &DownloadToken, file: &OwnedFile, asking: &Asking, now: DateTime<Utc>) -> Mint {
    let left = TimeDelta::seconds(token.exp - now.timestamp());
    Mint {
        jti: token.jti,
        user: asking.user,
        file: file.id,
        purchase: file.purchase,
        session: asking.session,
        audience: token.aud.clone(),
        minted_at: now,
        expires_at: now.trunc_subsecs(0) + left,
        ip: asking.origin.ip.clone(),
    }
}
