#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const UUID: &str = "7f5b2c1e-9d3a-4b6f-8a21-0c4d5e6f7a8b";

fn claims() -> Value {
    json!({
        "iss": "https://shop.example", "aud": "https://files.example", "sub": UUID, "jti": UUID,
        "iat": 1_700_000_000, "exp": 1_700_000_120, "fid": UUID, "key": "ab".repeat(32),
        "size": 42, "type": "application/pdf", "mod": 1_600_000_000, "name": "guide.pdf",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims
        .as_object_mut()
        .unwrap()
        .insert(name.to_owned(), value);
    claims
}

fn read(claims: &Value) -> Option<DownloadToken> {
    serde_json::from_str(&claims.to_string()).ok()
}

fn named(name: &str) -> DownloadToken {
    read(&with("name", json!(name))).unwrap()
}

fn encoded_length(token: &DownloadToken) -> usize {
    signing_input(&Header::new(KID), token).len() + 1 + SIGNATURE_CHARS
}

#[test]
fn a_token_survives_its_own_json() {
    let token = read(&claims()).unwrap();
    let json = serde_json::to_value(&token).unwrap();
    assert_eq!(json, claims());
    assert!(
        read(&with("unknown", json!({"a": [1]}))).is_some(),
        "unknown claims are ignored"
    );
}

#[test]
fn each_claim_is_required_and_of_its_type() {
    for name in claims().as_object().unwrap().keys() {
        let mut missing = claims();
        missing.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&missing), None, "without {name}");
        for wrong in [
            json!(null),
            json!([1]),
            json!(1.5),
            json!(true),
            json!("x y"),
        ] {
            let text_is_fine =
                wrong.is_string() && ["iss", "aud", "type", "name"].contains(&&**name);
            assert_eq!(
                read(&with(name, wrong.clone())).is_some(),
                text_is_fine,
                "{name}: {wrong}"
            );
        }
    }
    assert_eq!(read(&with("aud", json!(["https://files.example"]))), None);
    assert_eq!(read(&with("size", json!(-1))), None);
    assert_eq!(read(&with("iat", json!("1700000000"))), None);
    assert_eq!(read(&with("key", json!("AB".repeat(32)))), None);
    assert_eq!(read(&with("nbf", json!(0))), None);
}

#[test]
fn identifiers_have_one_form() {
    for other in [
        UUID.to_uppercase(),
        UUID.replace('-', ""),
        format!("{{{UUID}}}"),
    ] {
        for name in ["sub", "jti", "fid"] {
            assert_eq!(read(&with(name, json!(other))), None, "{name}: {other}");
        }
    }
    let version_7 = "0190c4c4-7d3a-7b6f-8a21-0c4d5e6f7a8b";
    assert_eq!(read(&with("jti", json!(version_7))), None);
    assert!(read(&with("sub", json!(version_7))).is_some());
}

#[test]
fn a_repeated_member_refuses_the_object() {
    let claims = claims().to_string();
    for extra in ["\"size\":42", "\"x\":1,\"x\":1", "\"\\u0073ize\":42"] {
        let doubled = claims.replacen('{', &format!("{{{extra},"), 1);
        assert!(
            serde_json::from_str::<DownloadToken>(&doubled).is_err(),
            "{extra}"
        );
    }
}

#[test]
fn a_header_has_three_members_and_no_other() {
    let header = serde_json::to_string(&Header::new("k")).unwrap();
    assert_eq!(header, r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k"}"#);
    assert_eq!(
        serde_json::from_str::<Header>(&header).unwrap(),
        Header::new("k")
    );
    for wrong in [
        r#"["EdDSA","download+jwt","k"]"#,
        r#"{"alg":"EdDSA","typ":"download+jwt"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","typ":"download+jwt","kid":"k"}"#,
        r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k","crit":["b64"]}"#,
        r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k","jku":"https://evil.example"}"#,
    ] {
        assert!(serde_json::from_str::<Header>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_long_name_is_cut_before_its_extension() {
    let token = named(&format!("{}.epub", "ä".repeat(300)))
        .fitted(KID)
        .unwrap();
    assert!(token.name.starts_with("ää") && token.name.ends_with("ä.epub"));
    assert!((MAX_TOKEN_BYTES - 4..=MAX_TOKEN_BYTES).contains(&encoded_length(&token)));

    assert_eq!(named("guide.pdf").fitted(KID).unwrap().name, "guide.pdf");
}

#[test]
fn a_token_with_addresses_too_long_is_not_made() {
    let token = read(&with(
        "iss",
        json!(format!("https://{}.example", "a".repeat(600))),
    ))
    .unwrap();
    assert!(token.fitted(KID).is_err());
}

proptest! {
    #[test]
    fn a_cut_name_fits_and_is_a_prefix_with_the_old_extension(
        stem in "\\PC{1,200}", extension in "(\\.[a-z]{1,8})?",
    ) {
        let name = format!("{stem}{extension}");
        let token = named(&name).fitted(KID).unwrap();
        prop_assert!(encoded_length(&token) <= MAX_TOKEN_BYTES);
        prop_assert!(token.name.ends_with(&extension));
        prop_assert!(!token.name.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        let _ = serde_json::from_slice::<DownloadToken>(&bytes);
        let _ = serde_json::from_slice::<Header>(&bytes);
    }
}
