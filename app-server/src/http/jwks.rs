//! The public halves of the signing keys.

use std::time::SystemTime;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, Date, HttpDate},
    web::Data,
};

use crate::state::AppState;

/// `GET /.well-known/jwks.json` → 200, whatever Host was asked for.
///
/// Download servers compare their clock with this answer's `Date`, so it is the shop's own clock
/// that fills it in.
pub async fn show(state: Data<AppState>) -> HttpResponse {
    let now = HttpDate::from(SystemTime::from(state.clock.now()));
    HttpResponse::Ok()
        .content_type("application/jwk-set+json")
        .insert_header((CACHE_CONTROL, "public, max-age=60"))
        .insert_header(Date(now))
        .body(state.signer.key_set().to_json())
}
