//! Whoever sends a request: anonymous, or a signed-in user.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use chrono::{DateTime, Utc};

use crate::{
    domain::{
        ids::SessionId,
        session::{Ended, PROOF, Session},
        user::User,
    },
    error::AppError,
};

/// Whoever sends a request.
///
/// A database that does not answer is neither of these: the request ends with 503 before.
#[derive(Clone)]
pub enum Visitor {
    /// Not signed in.
    Anonymous {
        /// The row that keeps their cart, if they have one.
        session: Option<SessionId>,
        /// What their forms carry.
        csrf_token: String,
        /// How the session ended whose cookie they still have.
        ended: Option<Ended>,
    },
    /// Signed in.
    User(SignedIn),
}

/// A signed-in user and the session that proves it; as an argument, 401 without one.
///
/// Copied for every layer and handler that asks who is there, so a copy costs next to nothing.
#[derive(Clone)]
pub struct SignedIn {
    /// Who.
    pub user: Arc<User>,
    /// By which session.
    pub session: Arc<Session>,
}

impl SignedIn {
    /// What sensitive acts ask for: the password was proved within the last ten minutes.
    ///
    /// # Errors
    /// [`AppError::ConfirmPassword`] when it was not.
    pub fn proved(&self, now: DateTime<Utc>) -> Result<(), AppError> {
        let proved_at = self.session.confirmed_at;
        if proved_at.is_some_and(|at| now - at < PROOF) {
            Ok(())
        } else {
            Err(AppError::ConfirmPassword)
        }
    }
}

impl Visitor {
    /// What this visitor's forms carry.
    pub fn csrf_token(&self) -> &str {
        match self {
            Self::Anonymous { csrf_token, .. } => csrf_token,
            Self::User(signed_in) => &signed_in.session.csrf_token,
        }
    }

    /// The user, if signed in.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Anonymous { .. } => None,
            Self::User(signed_in) => Some(&signed_in.user),
        }
    }

    /// Their cookie had been copied, and its session was ended for it.
    pub fn was_robbed(&self) -> bool {
        matches!(
            self,
            Self::Anonymous {
                ended: Some(Ended::Stolen),
                ..
            }
        )
    }

    /// The visitor whom the session layer found for this request.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }
}

impl FromRequest for Visitor {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            Self::of(request)
                .ok_or_else(|| AppError::internal("a route outside the session layer")),
        )
    }
}

impl FromRequest for SignedIn {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match Visitor::of(request) {
            Some(Visitor::User(signed_in)) => Ok(signed_in),
            Some(Visitor::Anonymous { .. }) => Err(AppError::SignInRequired),
            None => Err(AppError::internal("a route outside the session layer")),
        })
    }
}
