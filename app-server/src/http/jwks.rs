//! Public halves of the signing keys.
use actix_web::{HttpResponse, web::Data};

use crate::state::AppState;

/// `GET /.well-known/jwks.json`.
pub async fn show(state: Data<AppState>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/jwk-set+json")
        .body(state.signer.key_set().to_json())
}
