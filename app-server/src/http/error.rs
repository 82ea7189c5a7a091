//! What a visitor reads when something did not work.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;

use crate::{
    actions::throttle::in_words,
    error::{AppError, Conflict, FieldError},
};

/// An answer to a request that did not work out (RFC 9457).
#[derive(Serialize)]
pub struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Conflict {
    /// Its stable code, and the one sentence a visitor may read.
    pub fn public(self) -> (&'static str, &'static str) {
        match self {
            Self::EmailTaken => (
                "email_taken",
                "There is an account with this e-mail address. Please sign in.",
            ),
            Self::MixedCurrency => ("mixed_currency", "One order cannot mix currencies."),
            Self::AlreadyOwned => (
                "already_owned",
                "You own this already: it is in your library.",
            ),
            Self::KeyReused => (
                "key_reused",
                "This Idempotency-Key was used for another order.",
            ),
            Self::PaymentsOff => (
                "payments_off",
                "This shop takes no payments at present; only what is free can be ordered.",
            ),
            Self::Refunded => ("refunded", "This order was refunded."),
            Self::Cancelled => ("cancelled", "This order was cancelled."),
            Self::LastAdmin => (
                "last_admin",
                "This is the shop's last admin: somebody else has to become one first.",
            ),
            Self::OneselfAsAdmin => (
                "oneself",
                "Admins do not do this to their own account; another admin can.",
            ),
        }
    }
}

impl AppError {
    /// Status, stable code and the one sentence a visitor may read.
    ///
    /// No `_` arm: a new variant must decide here, under review.
    #[expect(clippy::too_many_lines, reason = "a table, a few lines for each row")]
    pub fn public(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "Some fields need another look.",
            ),
            Self::Malformed(_) => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "The request could not be read.",
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body has a type that is not taken here.",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "The request is too long.",
            ),
            Self::MethodNotAllowed { .. } => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not take this method.",
            ),
            Self::Csrf(_) => (
                StatusCode::FORBIDDEN,
                "csrf",
                "This request did not come from a page of this shop.",
            ),
            Self::NoCookie => (
                StatusCode::FORBIDDEN,
                "csrf",
                "Your browser sent no cookie, and the shop needs one to know you again. Please allow its cookies and go back to the page before.",
            ),
            Self::StaleForm(_) => (
                StatusCode::FORBIDDEN,
                "csrf",
                "This page had grown old. Nothing was done yet; please confirm.",
            ),
            Self::SignInRequired => (StatusCode::UNAUTHORIZED, "signed_out", "Please sign in."),
            Self::InvalidCredentials => (
                StatusCode::UNAUTHORIZED,
                "invalid_credentials",
                "The e-mail address or the password is not right.",
            ),
            Self::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                "wrong_password",
                "The current password is not right.",
            ),
            Self::SecondFactor => (
                StatusCode::UNAUTHORIZED,
                "second_factor",
                "This account also takes a code: the present one of its authenticator app, which is \
                 good once, or an unused recovery code.",
            ),
            Self::SecondFactorRequired => (
                StatusCode::FORBIDDEN,
                "second_factor_required",
                "Admins set up a second factor before anything else, at /account/second-factor.",
            ),
            Self::ConfirmPassword => (
                StatusCode::FORBIDDEN,
                "confirm_password",
                "Please confirm your password first.",
            ),
            Self::NoSecretsKey => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "This shop cannot keep second factors yet: its operator has not set SECRETS_KEY.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "Your account may not do this.",
            ),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", "There is nothing here."),
            Self::Conflict(conflict) => {
                let (code, sentence) = conflict.public();
                (StatusCode::CONFLICT, code, sentence)
            }
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many",
                "That was too often. Please wait a little.",
            ),
            Self::SignInsLocked { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many",
                "Too many sign-ins to this account have failed in a row. It opens again when its password is reset, and stays open to browsers it was signed in with before.",
            ),
            Self::ResetRequired => (
                StatusCode::FORBIDDEN,
                "reset_required",
                "The password of this account must be reset before anybody can sign in. Please ask for a link at /forgot.",
            ),
            Self::Prefetch => (
                StatusCode::SERVICE_UNAVAILABLE,
                "prefetch",
                "This is not done ahead of time.",
            ),
            Self::NoDownloadServer => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Downloads are not available for the moment. Please try again shortly.",
            ),
            Self::Busy | Self::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The shop is not available for the moment. Please try again shortly.",
            ),
            Self::Database(_) | Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side.",
            ),
        }
    }

    /// `Retry-After` in whole seconds, where waiting helps.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::SignInsLocked { retry_after } => {
                Some(retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0))
            }
            Self::Busy | Self::Unavailable(_) | Self::NoDownloadServer | Self::Prefetch => Some(5),
            _ => None,
        }
    }

    /// What a visitor reads in a form: the sentence, and how long to wait where that is known.
    pub fn sentence(&self) -> String {
        match self {
            Self::TooMany { retry_after } => format!(
                "That was too often. Please try again in {}.",
                in_words(*retry_after)
            ),
            _ => self.public().2.to_owned(),
        }
    }

    /// A page in place of the plain answer, with its `Retry-After`.
    pub fn with_retry_after(&self, mut page: HttpResponse) -> HttpResponse {
        if let Some(seconds) = self.retry_after_secs() {
            page.headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        page
    }

    /// What is wrong with which field.
    pub fn fields(&self) -> &[FieldError] {
        if let Self::Invalid(fields) = self {
            fields
        } else {
            &[]
        }
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        self.public().0
    }

    /// Overridden because actix's default body is `Display`, written for us, not for visitors.
    fn error_response(&self) -> HttpResponse {
        let (status, code, detail) = self.public();
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = self.retry_after_secs() {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        response
            .content_type("application/problem+json")
            .json(Problem {
                r#type: "about:blank",
                title: status.canonical_reason().unwrap_or("Error"),
                status: status.as_u16(),
                detail,
                code,
                errors: self.fields(),
            })
    }
}

/// An error with all its causes, for the log.
pub fn chain_of(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push_str(": ");
        chain.push_str(&error.to_string());
        cause = error.source();
    }
    chain
}

/// Logs an error of ours with all its causes, once.
pub fn log_chain(error: &AppError) {
    let chain = chain_of(error);
    if error.public().0.is_server_error() && !matches!(error, AppError::Prefetch) {
        tracing::error!(error = chain, "failed");
    } else {
        tracing::debug!(error = chain, "refused");
    }
}
