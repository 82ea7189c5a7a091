//! What every answer tells a browser about how to handle it.

use actix_web::middleware::DefaultHeaders;

/// Headers of every answer; `https` says whether this server is reached by it.
///
/// `same-site` lets pages of the shop's site load what is delivered; nobody else's.
pub(crate) fn security_headers(https: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Content-Security-Policy", "sandbox; default-src 'none'"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cache-Control", "private, no-store"))
        .add(("Cross-Origin-Resource-Policy", "same-site"));
    if https {
        headers.add(("Strict-Transport-Security", "max-age=31536000"))
    } else {
        headers
    }
}
