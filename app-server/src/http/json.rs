//! JSON in, JSON out.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::StatusCode,
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::AppError;

/// The longest JSON body in bytes.
const MAX_BYTES: usize = 64 * 1_024;

/// A JSON body; `T` should refuse unknown fields.
///
/// Not JSON: 400 `malformed`. Another Content-Type: 415. JSON of another shape: 422 `invalid`.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = super::form::content_type(request).eq_ignore_ascii_case("application/json");
        let body = read_body(request, payload, MAX_BYTES);
        Box::pin(async move {
            if !is_json {
                return Err(AppError::UnsupportedMediaType);
            }
            parse(&body.await?).map(Json)
        })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    serde_json::from_slice(body).map_err(|error| {
        // serde's words name fields and types of ours, never a value that was sent.
        if error.is_data() {
            AppError::invalid("body", describe(&error))
        } else {
            AppError::Malformed(format!(
                "not JSON at line {}, column {}",
                error.line(),
                error.column()
            ))
        }
    })
}

/// What is wrong with the shape, without the value: `invalid type: string "…"` quotes it.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("unknown field")
        || text.starts_with("missing field")
        || text.starts_with("duplicate field")
    {
        text
    } else {
        let expected = text
            .split_once("expected ")
            .map_or("another shape", |(_, after)| after);
        format!("expected {expected}")
    }
}

/// The whole body, at most `limit` bytes.
pub fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> impl Future<Output = Result<Bytes, AppError>> + use<> {
    let announced = request
        .headers()
        .get(actix_web::http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut payload = payload.take();
    async move {
        if announced.is_some_and(|length| length > limit) {
            return Err(AppError::TooLarge);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| AppError::Malformed("the body broke off".to_owned()))?;
            if body.len() + chunk.len() > limit {
                return Err(AppError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// An answer in JSON, never kept by a cache.
pub fn answer(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(body)
}
