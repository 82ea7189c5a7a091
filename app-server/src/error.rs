//! Why the shop could not do what was asked.

use std::time::Duration;

use crate::db::DbError;

/// Why the shop could not do what was asked.
///
/// One variant per thing the *caller* can do next; causes with the same remedy share one.
/// `Display` is for our log and never repeats its source. What a visitor reads is decided in
/// [`crate::http::error`] and nowhere else.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Fields need another look: 422 `invalid`.
    #[error("invalid input")]
    Invalid(Vec<FieldError>),
    /// The body is no JSON or no form: 400 `malformed`.
    #[error("a malformed request: {0}")]
    Malformed(String),
    /// The body has another type than the address takes: 415.
    #[error("a body of a type that is not taken here")]
    UnsupportedMediaType,
    /// The body is longer than the address takes: 413.
    #[error("a body that is too long")]
    TooLarge,
    /// The address exists, not with this method: 405.
    #[error("a method that is not served here")]
    MethodNotAllowed {
        /// Those that are.
        allow: String,
    },
    /// The request was not made by a page of this shop: 403 `csrf`.
    #[error("cross-site request refused: {0}")]
    Csrf(&'static str),
    /// The browser keeps no cookies, or has just lost them: 403 `csrf`.
    #[error("a form without a session cookie")]
    NoCookie,
    /// Made by a page of this shop that has grown stale: 403 `csrf`, with the form again.
    #[error("a form with a stale token")]
    StaleForm(Vec<(String, String)>),
    /// Nobody is signed in: 401 `signed_out`.
    #[error("nobody is signed in")]
    SignInRequired,
    /// The password at sign-in is wrong or the account is not there: 401 `invalid_credentials`.
    #[error("wrong address or password")]
    InvalidCredentials,
    /// The current password is wrong: 401 `wrong_password`.
    #[error("wrong current password")]
    WrongPassword,
    /// The password was proved too long ago: 403 `confirm_password`; a page leads to `/confirm`.
    #[error("the password must be proved again")]
    ConfirmPassword,
    /// The password is right, the account's second factor has still to be proved: 401 `second_factor`.
    #[error("no code of the second factor, or a wrong one")]
    SecondFactor,
    /// An admin has to set up a second factor before anything else: 403 `second_factor_required`.
    #[error("an admin without a second factor")]
    SecondFactorRequired,
    /// SECRETS_KEY is not set, so second factors cannot be kept: 503.
    #[error("SECRETS_KEY is not set")]
    NoSecretsKey,
    /// The account may not do this: 403 `forbidden`.
    #[error("the account lacks permission")]
    Forbidden,
    /// There is no such thing, or not for this visitor: 404.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It clashes with what is: 409.
    #[error("conflict: {0:?}")]
    Conflict(Conflict),
    /// Too often: 429 with `Retry-After`.
    #[error("too many attempts")]
    TooMany {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// Too many failures in a row: 429 `too_many` until the password is reset.
    #[error("sign-ins to the account are locked")]
    SignInsLocked {
        /// There is no such moment; some clients want one.
        retry_after: Duration,
    },
    /// The owner disowned a sign-in: 403 `reset_required` until the password is reset.
    #[error("the password must be reset before anybody signs in")]
    ResetRequired,
    /// A prefetch of something that must not be done by itself: 503, no-store.
    #[error("a prefetch of what is not done ahead of time")]
    Prefetch,
    /// No download server is ready: 503.
    #[error("no download server is ready")]
    NoDownloadServer,
    /// Too much work in the queue: 503 with `Retry-After`.
    #[error("too much work is waiting")]
    Busy,
    /// The database does not answer: 503.
    #[error("the database does not answer")]
    Unavailable(#[source] DbError),
    /// A query failed: 500.
    #[error("a query failed")]
    Database(#[source] DbError),
    /// A bug, or a broken disk: 500.
    #[error("a bug, or a broken disk")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name in the form or the JSON body.
    pub field: &'static str,
    /// One sentence a person understands: what is wrong and what would be right.
    pub detail: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            detail: detail.into(),
        }
    }
}

/// What a request clashed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// There is an account with this address.
    EmailTaken,
    /// Products of two currencies in one order.
    MixedCurrency,
    /// The buyer owns it.
    AlreadyOwned,
    /// The Idempotency-Key came before, with another body.
    KeyReused,
    /// PAYMENTS=none and a price.
    PaymentsOff,
    /// The order was refunded.
    Refunded,
    /// The order was cancelled.
    Cancelled,
    /// Without this account there would be no admin.
    LastAdmin,
    /// Admins do not do this to themselves.
    OneselfAsAdmin,
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

impl AppError {
    /// A bug, or a broken disk.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// One field is wrong.
    pub fn invalid(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, detail)])
    }
}
