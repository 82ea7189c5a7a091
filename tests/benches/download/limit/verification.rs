//! One Ed25519 verification by the library, for a key it has not prepared, and an empty answer by
//! actix-web.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Data},
};
use anyhow::ensure;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use crate::{servers::process::cpu_of_this_thread, signer::public_key};

pub(super) fn serve(address: SocketAddr, jwks: &Path) -> anyhow::Result<()> {
    let key = Data::new(DecodingKey::from_ed_der(&public_key(jwks)?));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(key.clone())
            // No route: actix-router's patterns cost more on a token's length than its signature.
            .default_service(web::to(verify))
    });
    let run = server.workers(1).bind(address)?.run();
    Ok(actix_web::rt::System::new().block_on(run)?)
}

async fn verify(key: Data<DecodingKey>, request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let token = path.strip_prefix("/d/").unwrap_or_default();
    if path == "/ready" || is_good(token, &key) {
        HttpResponse::Ok().finish()
    } else {
        HttpResponse::Forbidden().finish()
    }
}

fn is_good(token: &str, key: &DecodingKey) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else {
        return false;
    };
    crypto::verify(signature, signed.as_bytes(), key, Algorithm::EdDSA).unwrap_or(false)
}

/// How often a second this thread verifies one of `tokens`, doing nothing else, and the processor
/// time of one in microseconds.
pub(crate) fn verifications_per_sec(tokens: &[String], jwks: &Path) -> anyhow::Result<(f64, f64)> {
    let key = DecodingKey::from_ed_der(&public_key(jwks)?);
    let (started, cpu_before) = (Instant::now(), cpu_of_this_thread()?);
    let mut n_verified = 0_u32;
    while started.elapsed() < Duration::from_millis(300) {
        for token in tokens {
            ensure!(is_good(token, &key), "a token that is not good");
            n_verified += 1;
        }
    }
    let cpu = cpu_of_this_thread()? - cpu_before;
    let n = f64::from(n_verified);
    Ok((
        n / started.elapsed().as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / n,
    ))
}
