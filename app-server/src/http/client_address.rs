//! Who is really at the other end, behind proxies that are trusted to say so.

use actix_web::{HttpRequest, dev::ServiceRequest};
use ipnet::IpNet;
use shared::forwarded;

/// The client's address: the peer's, or what trusted proxies say of it.
pub fn of(request: &HttpRequest, trusted: &[IpNet]) -> String {
    let Some(peer) = request.peer_addr() else {
        return "unknown".to_owned();
    };
    let values = request.headers().get_all("x-forwarded-for");
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    forwarded::client_address(peer.ip(), &values.join(","), trusted).to_string()
}

/// The request's id that a trusted proxy has given.
pub fn given_request_id(request: &ServiceRequest, trusted: &[IpNet]) -> Option<String> {
    let peer = request.peer_addr()?.ip();
    let id = request.headers().get("x-request-id")?.to_str().ok()?;
    let id = forwarded::request_id(id).filter(|_| forwarded::is_trusted(peer, trusted))?;
    Some(id.to_owned())
}
