//! Who asks, as the log says it.

use std::net::IpAddr;

use actix_http::{HttpMessage, Request};
use ipnet::IpNet;
use shared::forwarded::{self, is_trusted};

use crate::connection;

/// Who is really at the other end, as far as trusted proxies say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The client's address; none in a test without a socket.
    pub(crate) ip: Option<IpAddr>,
    /// The name a trusted proxy has given this request.
    pub(crate) request_id: Option<String>,
}

impl Caller {
    pub(crate) fn of(request: &Request, trusted: &[IpNet]) -> Self {
        let Some(peer) = connection::peer(request) else {
            return Self::default();
        };
        if !is_trusted(peer, trusted) {
            return Self {
                ip: Some(peer),
                request_id: None,
            };
        }
        let headers = request.headers();
        let values = headers.get_all("x-forwarded-for");
        let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        let id = headers
            .get("x-request-id")
            .and_then(|id| forwarded::request_id(id.to_str().ok()?));
        Self {
            ip: Some(forwarded::client_address(peer, &values.join(","), trusted)),
            request_id: id.map(str::to_owned),
        }
    }
}
