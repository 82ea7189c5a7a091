//! The shop's keys: fetched, rotated, retired, out of reach; and its clock.

use shared::{key_set::KeySet, token::DownloadToken};

use crate::{
    issuer::{Issuer, Manners},
    node::{Node, START, Signer},
};

const HOUR_SECS: i64 = 3_600;

/// A node that fetches its keys from a shop whose clock agrees.
async fn node_and_shop() -> (Node, Issuer) {
    let issuer = Issuer::start(START).await;
    let node = Node::with(|config| issuer.serve(config)).await;
    issuer.publish(&[&node.signer.public]);
    issuer.change(|manners| manners.date = Some(node.clock.unix_secs()));
    assert!(node.running.refresh_keys().await);
    (node, issuer)
}

fn claims(node: &Node, issuer: &Issuer) -> DownloadToken {
    DownloadToken {
        iss: issuer.url(),
        ..node.claims()
    }
}

fn link(node: &Node, issuer: &Issuer, signer: &Signer) -> String {
    format!("/d/{}", signer.sign(&claims(node, issuer)))
}

#[actix_web::test]
async fn keys_are_fetched_from_the_shop() {
    let (node, issuer) = node_and_shop().await;

    assert_eq!(node.ready().await.0, 200);
    assert_eq!(
        node.get(&link(&node, &issuer, &node.signer)).await.status,
        200
    );
}

#[actix_web::test]
async fn before_there_are_keys_nothing_is_judged() {
    let issuer = Issuer::start(START).await;
    issuer.change(|manners| manners.status = 500);
    let node = Node::with(|config| issuer.serve(config)).await;
    let link = link(&node, &issuer, &node.signer);

    let answer = node.get(&link).await;

    assert_eq!((answer.status, answer.code().as_str()), (503, "no_keys"));
    assert_eq!(node.ready().await.0, 503);
}

#[actix_web::test]
async fn a_key_published_a_moment_ago_is_found() {
    let (node, issuer) = node_and_shop().await;
    let next = Signer::new();
    issuer.publish(&[&node.signer.public, &next.public]);

    assert_eq!(node.get(&link(&node, &issuer, &next)).await.status, 200);
}

#[actix_web::test]
async fn an_unknown_key_is_judged_by_what_the_shop_says_now() {
    let (node, issuer) = node_and_shop().await;
    let unknown = link(&node, &issuer, &Signer::new());

    let n_asked = issuer.change(|manners| manners.n_asked);
    assert_eq!(node.get(&unknown).await.status, 403);
    assert!(issuer.change(|manners| manners.n_asked) > n_asked);

    issuer.change(|manners| manners.status = 500);
    let answer = node.get(&unknown).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "unknown_key")
    );
}

#[actix_web::test]
async fn a_retired_key_ends_its_tokens_and_leases() {
    let (node, issuer) = node_and_shop().await;
    let claimed = link(&node, &issuer, &node.signer);
    let lease = node.get(&claimed).await.cookie();
    let next = Signer::new();

    issuer.publish(&[&next.public]);
    assert!(node.running.refresh_keys().await);

    assert_eq!(
        node.get(&link(&node, &issuer, &node.signer)).await.status,
        403
    );
    assert_eq!(
        node.get_with(&claimed, &[("Cookie", &lease)]).await.status,
        403
    );
    assert_eq!(node.get(&link(&node, &issuer, &next)).await.status, 200);
}

#[actix_web::test]
async fn without_the_shop_the_last_keys_serve_for_an_hour_and_leases_beyond() {
    let (node, issuer) = node_and_shop().await;
    let claimed = link(&node, &issuer, &node.signer);
    let lease = node.get(&claimed).await.cookie();
    let good = issuer.change(|manners| manners.clone());
    let other_shop = Issuer::start(START).await;
    other_shop.publish(&[&Signer::new().public]);
    let redirect = format!("{}/.well-known/jwks.json", other_shop.url());

    let body = |body: String| Manners {
        body,
        ..good.clone()
    };
    for (fault, manners) in [
        ("empty", body(KeySet::default().to_json())),
        ("wrong", body("<html>".to_owned())),
        ("huge", body(format!("{}{}", good.body, " ".repeat(70_000)))),
        (
            "gone",
            Manners {
                status: 404,
                ..good.clone()
            },
        ),
    ] {
        issuer.change(|current| *current = manners);
        assert!(!node.running.refresh_keys().await, "{fault}");
        let link = link(&node, &issuer, &node.signer);
        assert_eq!(node.get(&link).await.status, 200, "{fault}");
    }
    issuer.change(|manners| (manners.status, manners.location) = (302, Some(redirect)));
    assert!(!node.running.refresh_keys().await);
    assert_eq!(
        other_shop.change(|manners| manners.n_asked),
        0,
        "a redirect is not followed"
    );

    node.pass(HOUR_SECS);
    assert_eq!(
        node.get(&link(&node, &issuer, &node.signer)).await.status,
        200
    );
    node.pass(1);
    let fresh = link(&node, &issuer, &node.signer);
    let answer = node.get(&fresh).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "stale_keys"));
    assert_eq!(node.ready().await.0, 503);
    assert_eq!(
        node.get_with(&claimed, &[("Cookie", &lease)]).await.status,
        200
    );

    issuer.change(|manners| *manners = good);
    issuer.change(|manners| manners.date = Some(node.clock.unix_secs()));
    assert_eq!(
        node.get(&fresh).await.status,
        200,
        "it is well again by itself"
    );
}

#[actix_web::test]
async fn clocks_that_are_apart_stop_new_deliveries_and_say_so() {
    let (node, issuer) = node_and_shop().await;
    let now = node.clock.unix_secs();
    let claimed = link(&node, &issuer, &node.signer);
    let lease = node.get(&claimed).await.cookie();

    for (date, age, agree) in [
        (Some(now + 2), None, true),
        (Some(now - 2), None, true),
        (Some(now - 30), Some(29), true),
        (Some(now + 3), None, false),
        (Some(now - 3), None, false),
        (Some(now), Some(30), false),
        (None, None, false),
    ] {
        issuer.change(|manners| (manners.date, manners.age) = (date, age));
        assert!(node.running.refresh_keys().await);
        let answer = node.get(&link(&node, &issuer, &node.signer)).await;
        let (ready, body) = node.ready().await;
        if agree {
            assert_eq!((answer.status, ready), (200, 200), "{date:?} {age:?}");
        } else {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (503, "clocks"),
                "{date:?} {age:?}"
            );
            assert_eq!(ready, 503);
            assert!(
                body["reason"].as_str().unwrap().contains("clock") || date.is_none(),
                "{body}"
            );
        }
        assert_eq!(
            node.get_with(&claimed, &[("Cookie", &lease)]).await.status,
            200
        );
    }
}

#[actix_web::test]
async fn a_start_under_a_wrong_clock_reopens_nothing_once_the_clock_is_right() {
    let (node, issuer) = node_and_shop().await;
    let used = link(&node, &issuer, &node.signer);
    assert_eq!(node.get(&used).await.status, 200);

    node.pass(-HOUR_SECS);
    let node = node.restart().await;
    let answer = node.get(&used).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "clocks"));
    node.pass(HOUR_SECS);
    assert!(node.running.refresh_keys().await);

    let answer = node.get(&used).await;
    assert_eq!((answer.status, answer.code().as_str()), (410, "expired"));
    // A date within the skew of now and of three seconds on, whenever it is read.
    issuer.change(|manners| manners.date = Some(node.clock.unix_secs() + 2));
    node.pass(3);
    assert_eq!(
        node.get(&link(&node, &issuer, &node.signer)).await.status,
        200
    );
}

#[actix_web::test]
async fn keys_may_come_from_a_file_that_changes() {
    let node = Node::start().await;
    let next = Signer::new();
    let set = KeySet::from_keys(vec![next.public.clone()]);
    std::fs::write(node.jwks_file(), set.to_json()).unwrap();

    let token = next.sign(&node.claims());
    assert_eq!(node.get(&format!("/d/{token}")).await.status, 200);
    assert_eq!(node.get(&node.link()).await.status, 403);

    std::fs::remove_file(node.jwks_file()).unwrap();
    assert!(!node.running.refresh_keys().await);
    assert_eq!(
        node.get(&format!("/d/{}", next.sign(&node.claims())))
            .await
            .status,
        200
    );
}
