//! Tokens: two lines are a header and claims, to be signed by our key; anything else is a token.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use download_server::fuzzing::{is_malformed, verify};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::token::{DownloadToken, Header, MAX_LIFETIME_SECS, MAX_TOKEN_BYTES, signing_input};

const ISSUER: &str = "http://shop.example";
const AUDIENCE: &str = "http://files.example";

static SIGNER: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key"));

fuzz_target!(|text: &str| match text.split_once('\n') {
    Some((header, claims)) => {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        judge(&sign(format!("{}.{}", encode(header), encode(claims))));
    }
    None => judge(text),
});

fn sign(input: String) -> String {
    let signature = SIGNER.sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn x() -> &'static [u8; 32] {
    let x = SIGNER.public_key().as_ref();
    x.try_into().expect("32 bytes")
}

fn accepted(token: &str) -> Option<DownloadToken> {
    verify(token, x(), ISSUER, AUDIENCE)
}

fn judge(token: &str) {
    let Some(claims) = accepted(token) else {
        return;
    };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    assert!(!is_malformed(token));
    assert_eq!((&*claims.iss, &*claims.aud), (ISSUER, AUDIENCE));
    assert!((1..=MAX_LIFETIME_SECS).contains(&(claims.exp - claims.iat)));

    // Ed25519 signs every message in one way, and a token is written in one way.
    let (signed, _) = token.rsplit_once('.').expect("a signature");
    assert_eq!(token, sign(signed.to_owned()), "another signature is good");

    says_what_is_written(&claims, signed);
    nothing_else_is_good(token);

    let kid = "k".repeat(43);
    let again = sign(signing_input(&Header::new(&kid), &claims));
    if again.len() <= MAX_TOKEN_BYTES {
        assert_eq!(accepted(&again), Some(claims), "its own form is refused");
    }
}

/// Header and claims as any other parser reads them.
fn says_what_is_written(claims: &DownloadToken, signed: &str) {
    let json = |part: &str| -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let (header, payload) = signed.split_once('.').expect("two parts");
    let (header, payload) = (json(header), json(payload));
    let kid = header["kid"].as_str().expect("a key's name");
    assert_eq!(
        header,
        serde_json::to_value(Header::new(kid)).expect("JSON")
    );
    assert!(payload.get("nbf").is_none());
    let read = serde_json::to_value(claims).expect("JSON");
    for (name, value) in read.as_object().expect("claims") {
        assert_eq!(payload.get(name), Some(value), "{name}");
    }
}

fn nothing_else_is_good(token: &str) {
    assert_eq!(verify(token, x(), ISSUER, ISSUER), None);
    assert_eq!(verify(token, x(), AUDIENCE, AUDIENCE), None);
    assert_eq!(verify(token, &[1; 32], ISSUER, AUDIENCE), None);
    let mut other = token.to_owned().into_bytes();
    let last = other.last_mut().expect("a signature");
    *last = if *last == b'A' { b'Q' } else { b'A' };
    assert_eq!(accepted(std::str::from_utf8(&other).expect("text")), None);
}
