//! How sessions end: every way is written down.

use serde_json::json;

use super::{Begun, Origin, Sessions};
use crate::{
    actions::audit::{Entry, record, record_and_tell},
    db::accounts,
    domain::{
        audit::Event,
        ids::SessionId,
        mail::Letter,
        session::{REASON_ENDED, REASON_SIGNED_OUT, REASON_STOLEN, Session},
        user::User,
    },
    error::AppError,
};

impl Sessions {
    /// Ends a session because its user signed out.
    ///
    /// # Errors
    /// The store does not answer: the session goes on, and the user must be told.
    pub async fn sign_out(&self, session: &Session, origin: &Origin) -> Result<(), AppError> {
        let Some(user) = session.user_id() else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut db = self.database.client().await?;
        let tx = db.transaction().await?;
        if self
            .store
            .revoke(&tx, session.id, user, REASON_SIGNED_OUT, now)
            .await?
        {
            let entry = Entry {
                event: Event::SessionEnded,
                user: Some(user),
                actor: None,
                session: Some(session.id),
                origin,
                details: json!({"reason": REASON_SIGNED_OUT}),
            };
            record(&tx, now, entry).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Ends one of `user`'s sessions; `own` is the one they do it by.
    ///
    /// # Errors
    /// [`AppError::NotFound`]: there is none of theirs under this name that goes on.
    pub async fn end_one(
        &self,
        user: &User,
        own: &Session,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), AppError> {
        let now = self.clock.now();
        let mut db = self.database.client().await?;
        let tx = db.transaction().await?;
        let ended = self
            .store
            .revoke(&tx, session, user.id, REASON_ENDED, now)
            .await?;
        if !ended {
            return Err(AppError::NotFound("session"));
        }
        let entry = Entry {
            event: Event::SessionEnded,
            user: Some(user.id),
            actor: None,
            session: Some(own.id),
            origin,
            details: json!({"reason": REASON_ENDED, "ended": session}),
        };
        record(&tx, now, entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends all of `user`'s sessions but `own`, which goes on under a new secret.
    ///
    /// The user's epoch is raised, so that whatever begins or goes on meanwhile is over too.
    ///
    /// # Errors
    /// [`AppError::SignInRequired`] when `own` was ended meanwhile.
    pub async fn end_others(
        &self,
        user: &User,
        own: &Session,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let now = self.clock.now();
        let mut db = self.database.client().await?;
        let tx = db.transaction().await?;
        let epoch = accounts::end_sessions(&tx, user.id).await?;
        let epoch = epoch.ok_or(AppError::SignInRequired)?;
        let begun = self.go_on(&tx, own.clone(), epoch).await?;
        let n_ended = self
            .store
            .revoke_others(&tx, user.id, Some(own.id), REASON_ENDED, now)
            .await?;
        let entry = Entry {
            event: Event::SessionEnded,
            user: Some(user.id),
            actor: None,
            session: Some(own.id),
            origin,
            details: json!({"reason": REASON_ENDED, "ended": "all others", "n_ended": n_ended}),
        };
        record(&tx, now, entry).await?;
        tx.commit().await?;
        Ok(begun)
    }

    /// Ends a session whose copied cookie was shown, writes it down and tells its user.
    ///
    /// However many requests find out at the same time, it is told once.
    ///
    /// # Errors
    /// The store does not answer: then nothing may be answered to that cookie.
    pub async fn end_stolen(&self, session: &Session, origin: &Origin) -> Result<(), AppError> {
        let Some(user) = &session.user else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut db = self.database.client().await?;
        let tx = db.transaction().await?;
        if self
            .store
            .revoke(&tx, session.id, user.id, REASON_STOLEN, now)
            .await?
        {
            let entry = Entry {
                event: Event::SessionStolen,
                user: Some(user.id),
                actor: None,
                session: Some(session.id),
                origin,
                details: json!({}),
            };
            record_and_tell(&tx, now, entry, Letter::SessionStolen, &user.email).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
