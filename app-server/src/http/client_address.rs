//! Who is really at the other end, behind proxies that are trusted to say so.

use actix_web::{HttpRequest, dev::ServiceRequest, http::header::HeaderMap};
use ipnet::IpNet;
use shared::forwarded;

/// The client's address: the peer's, or what trusted proxies say of it.
pub fn of(request: &HttpRequest, trusted: &[IpNet]) -> String {
    let Some(peer) = request.peer_addr() else {
        return "unknown".to_owned();
    };
    let chain = all(request.headers(), "x-forwarded-for");
    forwarded::client_address(peer.ip(), &chain, trusted).to_string()
}

/// True when trusted proxies say that the client came by plain http.
pub fn is_plain(request: &ServiceRequest, trusted: &[IpNet]) -> bool {
    let Some(peer) = request.peer_addr() else {
        return false;
    };
    let chain = all(request.headers(), "x-forwarded-for");
    let schemes = all(request.headers(), "x-forwarded-proto");
    let scheme = forwarded::client_scheme(peer.ip(), &chain, &schemes, trusted);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
}

/// The values of all headers of this name, as one list.
fn all(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name);
    // A byte that is no ASCII spoils its own part of a list, which a proxy has only added to.
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(",")
}

/// The request's id that a trusted proxy has given.
pub fn given_request_id(request: &ServiceRequest, trusted: &[IpNet]) -> Option<String> {
    let peer = request.peer_addr()?.ip();
    let id = request.headers().get("x-request-id")?.to_str().ok()?;
    let id = forwarded::request_id(id).filter(|_| forwarded::is_trusted(peer, trusted))?;
    Some(id.to_owned())
}
