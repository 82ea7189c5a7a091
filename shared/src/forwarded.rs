//! What proxies say of a request, and how far they are believed.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The client's address: the peer's, or what trusted proxies say of it in `X-Forwarded-For`.
///
/// The list is walked from the right: each entry is believed as long as the one who added it is
/// trusted; the first address that is no trusted proxy is the client. IPv4-mapped addresses are
/// the IPv4 addresses in them.
pub fn client_address(peer: IpAddr, forwarded_for: &str, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    for entry in forwarded_for.rsplit(',') {
        if !is_trusted(client, trusted) {
            break;
        }
        let Some(address) = parse(entry) else { break };
        client = address;
    }
    client
}

/// How the client reached the first trusted proxy, as `X-Forwarded-Proto` has it: `http` or `https`.
///
/// Proxies either pass one value on, or each adds its own; then it is the one of the proxy that
/// added the client's address. What a stranger says is not believed.
pub fn client_scheme<'a>(
    peer: IpAddr,
    forwarded_for: &str,
    forwarded_proto: &'a str,
    trusted: &[IpNet],
) -> Option<&'a str> {
    let mut hops = 0;
    let mut client = peer.to_canonical();
    for entry in forwarded_for.rsplit(',') {
        if !is_trusted(client, trusted) {
            break;
        }
        hops += 1;
        let Some(address) = parse(entry) else { break };
        client = address;
    }
    let mut schemes = forwarded_proto.rsplit(',').map(str::trim);
    match (hops, forwarded_proto.contains(',')) {
        (0, _) => None,
        (_, false) => schemes.next(),
        (hops, true) => schemes.nth(hops - 1),
    }
}

/// True for a proxy that is believed.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// An `X-Request-Id` that may stand in a log: 1 to 64 letters, digits, `-`, `_` and `.`.
pub fn request_id(given: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=64).contains(&given.len()) && given.bytes().all(plain)).then_some(given)
}

/// An entry, which some proxies write with a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse::<IpAddr>().ok();
    let with_port = || Some(entry.parse::<SocketAddr>().ok()?.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = address.or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn client(peer: &str, forwarded: &str) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), forwarded, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(client("203.0.113.9", "198.51.100.1"), "203.0.113.9");
    }

    #[test]
    fn the_chain_is_read_from_the_right_up_to_the_first_stranger() {
        for (forwarded, believed) in [
            ("198.51.100.7", "198.51.100.7"),
            ("1.2.3.4, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
            ("1.2.3.4, nonsense", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", forwarded), believed, "{forwarded}");
        }
    }

    #[test]
    fn long_chains_mixed_families_and_forged_beginnings_are_read_the_same_way() {
        for (peer, forwarded, believed) in [
            // Two proxies of ours, then a stranger's claims about himself.
            (
                "10.0.0.1",
                "127.0.0.1, 8.8.8.8, 198.51.100.7, fd00::5, 10.0.0.2",
                "198.51.100.7",
            ),
            ("::ffff:10.0.0.1", "2001:db8::7,\tfd00::5", "2001:db8::7"),
            (
                "fd12::1",
                "::ffff:198.51.100.7, ::ffff:10.1.1.1",
                "198.51.100.7",
            ),
            // All of them ours: the first of them is who asked.
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            // An entry that is none ends what is believed.
            ("10.0.0.1", "198.51.100.7, , 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "198.51.100.7, _hidden", "10.0.0.1"),
            ("10.0.0.1", "999.1.1.1", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.7 10.0.0.2", "10.0.0.1"),
            // Nearly ours.
            ("11.0.0.1", "198.51.100.7", "11.0.0.1"),
            ("::10.0.0.1", "198.51.100.7", "::a00:1"),
            ("fe80::1", "198.51.100.7", "fe80::1"),
        ] {
            assert_eq!(client(peer, forwarded), believed, "{peer}: {forwarded}");
        }
    }

    #[test]
    fn the_scheme_is_the_one_of_the_proxy_that_met_the_client() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded_for, proto, believed) in [
            ("203.0.113.9", "198.51.100.7", "http", None),
            ("10.0.0.1", "198.51.100.7", "http", Some("http")),
            (
                "::ffff:10.0.0.1",
                "198.51.100.7, 10.0.0.2",
                "https",
                Some("https"),
            ),
            (
                "10.0.0.1",
                "198.51.100.7, 10.0.0.2",
                "https, http",
                Some("https"),
            ),
            ("10.0.0.1", "198.51.100.7", "http, https", Some("https")),
            (
                "10.0.0.1",
                "198.51.100.7, 10.0.0.3, 10.0.0.2",
                "http, https",
                None,
            ),
            ("10.0.0.1", "", "http", Some("http")),
            ("10.0.0.1", "", "", Some("")),
        ] {
            let scheme = client_scheme(peer.parse().unwrap(), forwarded_for, proto, &trusted);
            assert_eq!(scheme, believed, "{forwarded_for}: {proto}");
        }
    }

    #[test]
    fn mapped_and_decorated_addresses_are_the_same_address() {
        for (peer, forwarded, believed) in [
            ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
            ("fd00::1", "[2001:db8::1]:443", "2001:db8::1"),
            ("fd00::1", "[2001:db8::1]", "2001:db8::1"),
            ("10.0.0.1", "198.51.100.7:8080", "198.51.100.7"),
        ] {
            assert_eq!(client(peer, forwarded), believed, "{forwarded}");
        }
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        assert_eq!(request_id("7f5b2c1e-9d3a"), Some("7f5b2c1e-9d3a"));
        for id in ["", "a b", "a\"b", "a\nb", &"a".repeat(65)] {
            assert_eq!(request_id(id), None, "{id}");
        }
    }
}
