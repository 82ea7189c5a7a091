//! `Cookie` headers, a line each: of a download server, and of a shop.
//!
//! `$1` and `$2` stand for leases of two tokens, `$S` for a session cookie's value.

#![no_main]

use std::sync::LazyLock;

use app_server::http::session::fuzzing::secret_in;
use aws_lc_rs::hmac;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use download_server::fuzzing::Leases;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const LEASE: &str = "claimcheck-lease";
const SESSION: &str = "claimcheck-session";
const TOKENS: [Uuid; 2] = [Uuid::from_u128(1), Uuid::from_u128(2)];
const DEADLINE: i64 = 100;
const SECRET: [u8; 32] = [9; 32];

static LEASES: LazyLock<Leases> = LazyLock::new(|| Leases::new("http://files.example"));
static ISSUED: LazyLock<[String; 2]> =
    LazyLock::new(|| TOKENS.map(|jti| LEASES.issue(jti, DEADLINE)));

fuzz_target!(|text: &str| {
    let [one, two] = &*ISSUED;
    let secret = URL_SAFE_NO_PAD.encode(SECRET);
    let text = text
        .replace("$1", one)
        .replace("$2", two)
        .replace("$S", &signed(&secret));
    let lines: Vec<_> = text
        .lines()
        .filter(|line| actix_web::http::header::HeaderValue::from_str(line).is_ok())
        .collect();
    judge_leases(&lines);
    judge_session(&lines, &secret);
});

/// A lease opens its own token, while it lasts, when it is there to the letter.
fn judge_leases(lines: &[&str]) {
    for (jti, issued) in TOKENS.iter().zip(&*ISSUED) {
        let pair = format!("{LEASE}={issued}");
        let is_there = lines.iter().any(|line| line.contains(&pair));
        let found = LEASES.find(lines, LEASE, *jti, DEADLINE - 1);
        assert!(found.is_none_or(|deadline| deadline == DEADLINE));
        assert!(found.is_none() || is_there, "never issued: {lines:?}");
        assert_eq!(LEASES.find(lines, LEASE, *jti, DEADLINE), None);
        assert_eq!(LEASES.find(lines, LEASE, Uuid::from_u128(3), 0), None);
        let alone = lines.first().is_some_and(|line| *line == pair);
        assert!(!alone || found.is_some(), "a good lease is refused");
    }
}

/// A secret is looked up when it came as we write it: behind its own MAC, in one form.
fn judge_session(lines: &[&str], secret: &str) {
    let bytes: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
    let found = secret_in(&bytes);
    if let Some(found) = &found {
        let decoded = URL_SAFE_NO_PAD.decode(found).expect("base64url");
        assert_eq!(decoded.len(), 32);
        assert_eq!(&URL_SAFE_NO_PAD.encode(decoded), found);
        let value = signed(found);
        let is_there = lines.iter().any(|line| unescaped(line).contains(&value));
        assert!(is_there, "never sent: {lines:?}");
    }
    let alone = lines == [format!("{SESSION}={}", signed(secret))];
    assert!(
        !alone || found.as_deref() == Some(secret),
        "a good cookie is refused"
    );
}

/// As actix-session signs, with the constant key of the shop.
fn signed(secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[0x63; 32]);
    let mac = hmac::sign(&key, secret.as_bytes());
    format!("{}{secret}", STANDARD.encode(mac))
}

fn unescaped(text: &str) -> String {
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
