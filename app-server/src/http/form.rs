//! Posted forms: their fields, and whether they are this visitor's own.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Bytes};
use serde::de::DeserializeOwned;

use super::visitor::Visitor;
use crate::{domain::secret, error::AppError};

/// The longest form body in bytes; a password of 1 KiB, percent-encoded, fits many times.
const MAX_BYTES: usize = 32 * 1_024;

/// A posted form whose fields are out of reach until its CSRF token was looked at.
///
/// `T`'s fields should all be `#[serde(default)]` strings: a form that lacks one is then an
/// ordinary form with an empty field, and gets the ordinary sentence about it.
pub struct PageForm<T> {
    fields: T,
    all: Vec<(String, String)>,
    genuine: bool,
}

impl<T> PageForm<T> {
    /// The fields; a stale form is answered 403 by a page that can send it again.
    ///
    /// # Errors
    /// [`AppError::StaleForm`] with all that was typed.
    pub fn genuine(self) -> Result<T, AppError> {
        if self.genuine {
            Ok(self.fields)
        } else {
            Err(AppError::StaleForm(self.all))
        }
    }

    /// The fields, or as `Err` those of a stale form, for a page that refills itself with 403.
    ///
    /// # Errors
    /// The fields of a form whose token is not this visitor's.
    pub fn genuine_or_fields(self) -> Result<T, T> {
        if self.genuine {
            Ok(self.fields)
        } else {
            Err(self.fields)
        }
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for PageForm<T> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visitor = Visitor::of(request);
        let is_form =
            content_type(request).eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let body = super::json::read_body(request, payload, MAX_BYTES);
        Box::pin(async move {
            if !is_form {
                return Err(AppError::UnsupportedMediaType);
            }
            let visitor =
                visitor.ok_or_else(|| AppError::internal("a form outside the session layer"))?;
            parse(&body.await?, visitor.csrf_token())
        })
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes, csrf_token: &str) -> Result<PageForm<T>, AppError> {
    let malformed = |error: serde::de::value::Error| AppError::Malformed(error.to_string());
    let mut all: Vec<(String, String)> = serde_urlencoded::from_bytes(body).map_err(malformed)?;
    let fields = serde_urlencoded::from_bytes(body).map_err(malformed)?;
    let genuine = all
        .iter()
        .find(|(name, _)| name == "csrf_token")
        .is_some_and(|(_, given)| secret::same(given, csrf_token));
    all.retain(|(name, _)| name != "csrf_token");
    Ok(PageForm {
        fields,
        all,
        genuine,
    })
}

/// The media type without its parameters.
pub fn content_type(request: &HttpRequest) -> &str {
    let value = request.headers().get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}
