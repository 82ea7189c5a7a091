//! How a session goes on under a new secret, within the transaction of what it needs one for.

use super::{Begun, Sessions, new_csrf_token};
use crate::{
    db::{Queries, secrets::Renewal},
    domain::{secret::SessionSecret, session::Session},
    error::AppError,
};

impl Sessions {
    /// Lets `session`, of its user's `epoch`, go on after a change that the password was proved
    /// for: under a new secret and a new token.
    ///
    /// # Errors
    /// [`AppError::SignInRequired`] when it was ended meanwhile.
    pub async fn renew(
        &self,
        tx: &impl Queries,
        session: &Session,
        epoch: i64,
    ) -> Result<Begun, AppError> {
        let session = Session {
            csrf_token: new_csrf_token()?,
            ..session.clone()
        };
        self.confirm(tx, &session, epoch).await
    }

    /// Lets `session` go on after a proof of the password: under a new secret. Forms that are open
    /// stay good.
    ///
    /// # Errors
    /// [`AppError::SignInRequired`] when it was ended meanwhile.
    pub async fn confirm(
        &self,
        tx: &impl Queries,
        session: &Session,
        epoch: i64,
    ) -> Result<Begun, AppError> {
        let session = Session {
            confirmed_at: Some(self.clock.now()),
            ..session.clone()
        };
        self.go_on(tx, session, epoch).await
    }

    /// Lets `session` go on in its user's new epoch, `epoch` being the one before: under a new
    /// secret, its proof as old as it is.
    ///
    /// # Errors
    /// [`AppError::SignInRequired`] when it was ended meanwhile.
    pub async fn go_on(
        &self,
        tx: &impl Queries,
        session: Session,
        epoch: i64,
    ) -> Result<Begun, AppError> {
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        let user = session.user_id().ok_or(AppError::SignInRequired)?;
        let renewal = Renewal {
            session: session.id,
            user,
            secret_hash: &secret.hash(),
            csrf_token: &session.csrf_token,
            epoch,
            confirmed_at: session.confirmed_at,
            now: self.clock.now(),
        };
        if self.store.renew(tx, &renewal).await? {
            Ok(Begun {
                session,
                secret,
                device: None,
            })
        } else {
            Err(AppError::SignInRequired)
        }
    }
}
