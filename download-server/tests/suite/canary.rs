//! Nothing that a token or a request names is ever connected to: a listener there hears nothing.

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
};

use serde_json::{Value, json};

use crate::{
    issuer::Issuer,
    node::{Node, START, Signer},
};

/// A listener that tells whether anybody has come.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn host(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// On loopback a connection waits here from the moment its client has it.
    fn was_visited(&self) -> bool {
        match self.0.accept() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        }
    }
}

/// Headers that name `host` in every way a library has ever followed; `kid` is a good key's name.
fn headers(host: &str, kid: &str) -> Vec<Value> {
    let url = format!("http://{host}/keys.json");
    let with = |name: &str, value: Value| {
        let mut header = json!({"alg": "EdDSA", "typ": "download+jwt", "kid": kid});
        header[name] = value;
        header
    };
    vec![
        with("kid", json!(kid)),
        with("jku", json!(url)),
        with("x5u", json!(url)),
        with("x5c", json!([url])),
        with(
            "jwk",
            json!({"kty": "OKP", "crv": "Ed25519", "x": url, "x5u": url, "kid": url}),
        ),
        with("jwks_uri", json!(url)),
        with("crit", json!([url])),
        with("typ", json!(url)),
        with("kid", json!(url)),
        with("kid", json!(format!("//{host}/key"))),
        with("kid", json!(format!("{kid}@{host}/"))),
        with("kid", json!(format!("../../../keys?from={url}"))),
    ]
}

/// Claims that name `host`; those that decide whom a token is from and for, one at a time.
fn claims(host: &str, good: &Value) -> Vec<Value> {
    let url = format!("http://{host}");
    let with = |name: &str, value: &str| {
        let mut claims = good.clone();
        claims[name] = json!(value);
        claims
    };
    let mut claims = vec![good.clone()];
    for name in ["iss", "aud", "sub", "jti", "fid", "key", "type", "name"] {
        claims.push(with(name, &url));
    }
    for name in ["jku", "jwks_uri", "url", "cnf"] {
        claims.push(with(name, &url));
    }
    claims
}

#[actix_web::test]
async fn no_header_and_no_claim_makes_the_server_connect_anywhere() {
    let canary = Canary::new();
    let issuer = Issuer::start(START).await;
    let node = Node::with(|config| issuer.serve(config)).await;
    issuer.publish(&[&node.signer.public]);
    issuer.change(|manners| manners.date = Some(node.clock.unix_secs()));
    assert!(node.running.refresh_keys().await);
    let n_asked = issuer.change(|manners| manners.n_asked);
    let host = canary.host();
    let mut statuses = Vec::new();

    for signer in [&node.signer, &Signer::new()] {
        let kid = signer.kid();
        let good = || {
            let mut claims = serde_json::to_value(node.claims()).unwrap();
            claims["iss"] = json!(issuer.url());
            claims
        };
        let plain = json!({"alg": "EdDSA", "typ": "download+jwt", "kid": kid});
        let pairs = headers(&host, kid)
            .into_iter()
            .map(|header| (header, good()))
            .chain(
                claims(&host, &good())
                    .into_iter()
                    .map(|claims| (plain.clone(), claims)),
            );
        for (header, claims) in pairs {
            let token = signer.sign_json(&header.to_string(), &claims.to_string());
            statuses.push(node.get(&format!("/d/{token}")).await.status);
            let bearer = format!("Bearer {token}");
            let referrer = format!("http://{host}/");
            let named = [
                ("Authorization", bearer.as_str()),
                ("X-Forwarded-Host", &host),
                ("X-Forwarded-For", &host),
                ("Forwarded", &format!("host={host}")),
                ("Referer", &referrer),
                ("Origin", &referrer),
            ];
            statuses.push(node.get_with("/d", &named).await.status);
        }
    }

    assert!(
        issuer.change(|manners| manners.n_asked) > n_asked,
        "the shop was asked"
    );
    assert!(
        statuses.contains(&200) && statuses.contains(&403),
        "{statuses:?}"
    );
    assert!(node.running.refresh_keys().await);
    // Whatever was begun on the side is over with the server.
    node.running.kill().await;
    assert!(
        !canary.was_visited(),
        "the server went where a token sent it"
    );

    TcpStream::connect(&host).unwrap();
    assert!(canary.was_visited(), "the canary is deaf");
}
