//! Tokens that are not ours, and addresses that are no tokens.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::token::DownloadToken;

use crate::node::{Node, Signer};

/// Every token that is refused as not ours, with what is wrong with it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn foreign_tokens(node: &Node) -> Vec<(&'static str, String)> {
    let signer = &node.signer;
    let kid = signer.kid();
    let claims = node.claims();
    let json = serde_json::to_string(&claims).unwrap();
    let header = header(kid);
    let with = |change: fn(&mut DownloadToken)| {
        let mut claims = node.claims();
        change(&mut claims);
        signer.sign(&claims)
    };
    let with_claim = |name: &str, value: Value| {
        let mut claims = serde_json::to_value(node.claims()).unwrap();
        claims[name] = value;
        signer.sign_json(&header, &claims.to_string())
    };
    let with_member =
        |member: &str| signer.sign_json(&header.replacen('{', &format!("{{{member},"), 1), &json);
    let repeated = json.replacen('{', "{\"size\":1,", 1);
    let repeated_unknown = json.replacen('{', "{\"x\":1,\"x\":1,", 1);
    let stranger = Signer::new();
    vec![
        ("wrong signature", stranger.sign_json(&header, &json)),
        ("changed claims", changed(&signer.sign(&claims))),
        (
            "alg none",
            format!("{}.", unsigned(&header.replace("EdDSA", "none"), &json)),
        ),
        (
            "alg none, signed",
            signer.sign_json(&header.replace("EdDSA", "none"), &json),
        ),
        (
            "alg eddsa",
            signer.sign_json(&header.replace("EdDSA", "eddsa"), &json),
        ),
        (
            "HS256 with the public key",
            hs256(node, &header.replace("EdDSA", "HS256"), &json),
        ),
        ("HS256 under EdDSA", hs256(node, &header, &json)),
        ("no signature", format!("{}.", unsigned(&header, &json))),
        (
            "short signature",
            format!("{}.AAAA", unsigned(&header, &json)),
        ),
        (
            "other typ",
            signer.sign_json(&header.replace("download+jwt", "JWT"), &json),
        ),
        (
            "no typ",
            signer.sign_json(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), &json),
        ),
        (
            "no kid",
            signer.sign_json(r#"{"alg":"EdDSA","typ":"download+jwt"}"#, &json),
        ),
        ("unknown kid", stranger.sign(&claims)),
        ("crit", with_member(r#""crit":["exp"]"#)),
        ("jku", with_member(r#""jku":"http://127.0.0.1:1/""#)),
        ("x5u", with_member(r#""x5u":"http://127.0.0.1:1/""#)),
        ("jwk", with_member(r#""jwk":{}"#)),
        ("x5c", with_member(r#""x5c":[]"#)),
        ("unknown member", with_member(r#""cty":"x""#)),
        ("repeated member", with_member(r#""alg":"EdDSA""#)),
        (
            "header is an array",
            signer.sign_json(&format!(r#"["EdDSA","download+jwt","{kid}"]"#), &json),
        ),
        (
            "other issuer",
            with(|claims| claims.iss.push_str(".evil.example")),
        ),
        (
            "other audience",
            with(|claims| claims.aud = String::from("http://127.0.0.1:1")),
        ),
        ("audience with a slash", with(|claims| claims.aud.push('/'))),
        ("audience list", with_claim("aud", json!([node.url]))),
        (
            "lives too long",
            with(|claims| claims.exp = claims.iat + 301),
        ),
        ("does not live", with(|claims| claims.exp = claims.iat)),
        (
            "overflowing times",
            with(|claims| (claims.iat, claims.exp) = (i64::MIN, i64::MAX)),
        ),
        ("nbf", with_claim("nbf", json!(0))),
        (
            "text for a number",
            with_claim("exp", json!(claims.exp.to_string())),
        ),
        ("no claim", with_claim("jti", Value::Null)),
        ("repeated claim", signer.sign_json(&header, &repeated)),
        (
            "repeated unknown claim",
            signer.sign_json(&header, &repeated_unknown),
        ),
        ("claims are an array", signer.sign_json(&header, "[]")),
        ("claims are no JSON", signer.sign_json(&header, "x")),
    ]
}

fn header(kid: &str) -> String {
    format!(r#"{{"alg":"EdDSA","typ":"download+jwt","kid":"{kid}"}}"#)
}

fn unsigned(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

/// The token with one bit of its payload changed.
fn changed(token: &str) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let payload = URL_SAFE_NO_PAD.decode(&parts[1]).unwrap();
    let payload = String::from_utf8(payload)
        .unwrap()
        .replace("\"size\":1000", "\"size\":1001");
    parts[1] = URL_SAFE_NO_PAD.encode(payload);
    parts.join(".")
}

fn hs256(node: &Node, header: &str, claims: &str) -> String {
    let input = unsigned(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, node.signer.public.bytes());
    let mac = hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
}

#[actix_web::test]
async fn whatever_is_not_ours_gets_one_and_the_same_answer() {
    let node = Node::start().await;
    let tokens = foreign_tokens(&node);
    let (_, first) = tokens.first().unwrap();
    let expected = node.get(&format!("/d/{first}")).await;
    assert_eq!(
        (expected.status, expected.code().as_str()),
        (403, "invalid")
    );

    for (defect, token) in tokens {
        for answer in [
            node.get(&format!("/d/{token}")).await,
            node.get_with("/d", &[("Authorization", &format!("Bearer {token}"))])
                .await,
        ] {
            assert_eq!(answer.status, 403, "{defect}");
            assert_eq!(answer.headers(), expected.headers(), "{defect}");
            assert_eq!(answer.text(), expected.text(), "{defect}");
        }
    }
    assert_eq!(
        node.get(&node.link()).await.status,
        200,
        "the same without a defect"
    );
}

#[actix_web::test]
async fn what_is_no_token_is_said_to_be_malformed() {
    let node = Node::start().await;
    let token = node.signer.sign(&node.claims());
    let mut long = node.claims();
    long.name = "a".repeat(700);
    let long = node.signer.sign(&long);
    assert!(long.len() > 1_000);
    for path in [
        "/d/".to_owned(),
        "/d/x".to_owned(),
        "/d/..".to_owned(),
        format!("/d/{long}"),
        format!("/d/{token}.x"),
        format!("/d/{token}="),
        format!("/d/{token}/"),
        format!("/d/{}", token.replacen('e', "%65", 1)),
        "/d".to_owned(),
    ] {
        let answer = node.get(&path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "malformed"),
            "{path}"
        );
    }
    let header = format!("Basic {token}");
    let answer = node.get_with("/d", &[("Authorization", &header)]).await;
    assert_eq!(answer.status, 400);
}

#[actix_web::test]
async fn a_token_of_a_newer_shop_with_more_claims_is_good() {
    let node = Node::start().await;
    let mut claims = serde_json::to_value(node.claims()).unwrap();
    claims["watermark"] = json!({"of": "ada"});
    let token = node
        .signer
        .sign_json(&header(node.signer.kid()), &claims.to_string());

    assert_eq!(node.get(&format!("/d/{token}")).await.status, 200);
}
