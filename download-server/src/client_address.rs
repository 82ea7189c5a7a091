//! Who is really at the other end, behind proxies that are trusted to say so.

use std::net::IpAddr;

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use shared::forwarded;

/// The client's address: the peer's, or what trusted proxies say of it.
pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let values = headers.get_all("x-forwarded-for");
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    forwarded::client_address(peer, &values.join(","), trusted)
}

/// The request's id that a trusted proxy has given.
pub(crate) fn given_request_id<'a>(
    peer: IpAddr,
    headers: &'a HeaderMap,
    trusted: &[IpNet],
) -> Option<&'a str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    forwarded::request_id(id).filter(|_| forwarded::is_trusted(peer, trusted))
}
