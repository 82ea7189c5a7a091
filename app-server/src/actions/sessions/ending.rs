//! How sessions end: every way is written down.

use serde_json::json;

use super::{Origin, Sessions};
use crate::{
    actions::audit::{Entry, record},
    db::outbox::{NewMail, insert_mail},
    domain::{
        audit::Event,
        mail::Letter,
        session::{REASON_SIGNED_OUT, REASON_STOLEN, Session},
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
            record(&tx, now, entry).await?;
            let mail = NewMail {
                letter: Letter::SessionStolen,
                user: user.id,
                recipient: &user.email,
                session: Some(session.id),
                at: now,
            };
            insert_mail(&tx, &mail).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
