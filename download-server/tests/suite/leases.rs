//! The browser that claimed a token may finish its delivery, and nobody else.

use download_server::config::LeaseKey;

use crate::node::{Node, Signer};

const DAY_SECS: i64 = 86_400;

#[actix_web::test]
async fn the_lease_is_a_cookie_of_this_one_address() {
    let node = Node::start().await;
    let claims = node.claims();
    let link = node.link_of(&claims);

    let answer = node.get(&link).await;

    let cookie = answer.header("set-cookie").unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with(&format!("claimcheck-lease={}.", claims.jti)));
    assert_eq!(
        attributes,
        format!("Path={link}; Max-Age=86400; HttpOnly; SameSite=Lax; Priority=Low"),
    );
}

#[actix_web::test]
async fn over_https_and_beneath_a_path_the_cookie_says_so() {
    let node = Node::with(|config| {
        config.download_url = "https://shop.example/files".parse().unwrap();
    })
    .await;
    let link = node.link();

    for path in [link.clone(), format!("/files{}", node.link())] {
        let answer = node.get(&path).await;
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Secure-lease="), "{cookie}");
        assert!(cookie.contains("; Path=/files/d/ey"), "{cookie}");
        assert!(cookie.ends_with("; Secure"), "{cookie}");
        assert_eq!(
            answer.header("strict-transport-security"),
            Some("max-age=31536000")
        );
    }
}

#[actix_web::test]
async fn with_the_lease_the_delivery_goes_on_after_the_token_has_expired() {
    let node = Node::start().await;
    let link = node.link();
    let lease = node.get(&link).await.cookie();

    for secs in [0, 120, DAY_SECS - 121] {
        node.pass(secs);
        let part = node
            .get_with(&link, &[("Cookie", &lease), ("Range", "bytes=400-")])
            .await;
        assert_eq!(
            (part.status, part.body.as_slice()),
            (206, &node.content()[400..])
        );
        assert_eq!(part.header("content-range"), Some("bytes 400-999/1000"));
        assert_eq!(
            part.header("set-cookie"),
            None,
            "the deadline does not move"
        );
        let whole = node
            .get_with(&link, &[("Cookie", &format!("a=b; {lease}"))])
            .await;
        assert_eq!(whole.status, 200);
    }

    node.pass(1);
    let late = node
        .get_with(&link, &[("Cookie", &lease), ("Range", "bytes=400-")])
        .await;
    assert_eq!((late.status, late.code().as_str()), (410, "expired"));
}

#[actix_web::test]
async fn a_first_request_for_a_part_claims_too() {
    let node = Node::start().await;
    let link = node.link();

    let part = node.get_with(&link, &[("Range", "bytes=0-9")]).await;

    assert_eq!((part.status, part.body.len()), (206, 10));
    assert_eq!(node.get(&link).await.status, 410);
    assert_eq!(
        node.get_with(&link, &[("Cookie", &part.cookie())])
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn a_lease_opens_its_own_token_and_no_other() {
    let node = Node::start().await;
    let (link, other) = (node.link(), node.link());
    let lease = node.get(&link).await.cookie();
    let other_lease = node.get(&other).await.cookie();

    assert_eq!(
        node.get_with(&link, &[("Cookie", &other_lease)])
            .await
            .status,
        410
    );
    assert_eq!(
        node.get_with(&other, &[("Cookie", &lease)]).await.status,
        410
    );

    // It does not replace the signature: a foreign token with the same jti stays foreign.
    let claims = node.claims();
    let own = node.get(&node.link_of(&claims)).await.cookie();
    let forged = format!("/d/{}", Signer::new().sign(&claims));
    assert_eq!(
        node.get_with(&forged, &[("Cookie", &own)]).await.status,
        403
    );
}

#[actix_web::test]
async fn a_forged_lease_opens_nothing() {
    let node = Node::start().await;
    let link = node.link();
    let lease = node.get(&link).await.cookie();
    let mut parts: Vec<_> = lease.split('.').map(str::to_owned).collect();
    let deadline: i64 = parts[1].parse().unwrap();
    parts[1] = (deadline + 1).to_string();

    for forged in [
        parts.join("."),
        format!("{lease}A"),
        lease.replace('.', ""),
        lease.replacen("claimcheck-lease", "claimcheck-lease2", 1),
        lease.replacen("claimcheck-lease", "__Secure-lease", 1),
        "claimcheck-lease=".to_owned(),
    ] {
        assert_eq!(
            node.get_with(&link, &[("Cookie", &forged)]).await.status,
            410,
            "{forged}"
        );
    }
    assert_eq!(
        node.get_with(&link, &[("Cookie", &lease)]).await.status,
        200
    );
}

#[actix_web::test]
async fn in_the_bearer_form_leases_are_told_apart_by_their_names() {
    let node = Node::start().await;
    let (first, second) = (node.claims(), node.claims());
    let bearer = |claims| format!("Bearer {}", node.signer.sign(claims));
    let (first_token, second_token) = (bearer(&first), bearer(&second));

    let claimed = node
        .get_with("/d", &[("Authorization", &first_token)])
        .await;
    let other = node
        .get_with("/d", &[("Authorization", &second_token)])
        .await
        .cookie();

    let lease = claimed.cookie();
    assert!(lease.starts_with(&format!("claimcheck-lease-{}=", first.jti)));
    assert!(
        claimed
            .header("set-cookie")
            .unwrap()
            .contains("; Path=/d; ")
    );
    let resume = [
        ("Authorization", first_token.as_str()),
        ("Range", "bytes=5-"),
    ];
    assert_eq!(node.get_with("/d", &resume).await.status, 410);
    let cookies = format!("{other}; {lease}");
    let resume = [&resume[..], &[("Cookie", cookies.as_str())]].concat();
    assert_eq!(node.get_with("/d", &resume).await.status, 206);
}

#[actix_web::test]
async fn leases_outlive_a_restart_by_their_key() {
    let node = Node::start().await;
    let link = node.link();
    let lease = node.get(&link).await.cookie();

    let node = node.restart().await;
    assert_eq!(
        node.get_with(&link, &[("Cookie", &lease)]).await.status,
        200
    );
    assert_eq!(node.get(&link).await.status, 410);

    let mut node = node;
    node.config.lease_key = Some(LeaseKey::random().unwrap());
    let node = node.restart().await;
    assert_eq!(
        node.get_with(&link, &[("Cookie", &lease)]).await.status,
        410
    );
}
