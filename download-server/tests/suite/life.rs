//! Alive, ready, draining, gone.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::{
    delivery::{Delivery, LARGE_BYTES, large_file},
    node::{ISSUER, Node},
};

#[actix_web::test]
async fn it_says_who_it_is_and_how_busy() {
    let node = Node::start().await;
    let (status, body) = node.ready().await;
    assert_eq!(status, 200);
    let instance = body["instance"].clone();
    // Read at the start, and perhaps once more since.
    let keys_age_secs = body["keys_age_secs"].clone();
    assert!((0..=3).contains(&keys_age_secs.as_i64().unwrap()));
    assert_eq!(
        body,
        serde_json::json!({
            "ready": true, "reason": null, "instance": instance, "audience": node.url,
            "issuer": ISSUER, "streams": 0, "max_streams": 10_000, "claims": 0,
            "max_claims": 10_000_000, "keys_age_secs": keys_age_secs,
        }),
    );
    assert_eq!(node.get("/healthz").await.status, 200);

    let link = node.link_of(&node.claims_for(&vec![7; LARGE_BYTES]));
    let delivery = Delivery::begin(node.address(), &link).await;
    let (_, body) = node.ready().await;
    assert_eq!((&body["streams"], &body["claims"]), (&1.into(), &1.into()));
    drop(delivery);
    while node.running.n_streams() > 0 {
        tokio::task::yield_now().await;
    }

    let node = node.restart().await;
    assert_ne!(
        node.ready().await.1["instance"],
        instance,
        "each start is another instance"
    );
}

#[actix_web::test]
async fn a_store_that_is_gone_is_noticed_and_found_again() {
    let node = Node::start().await;
    let link = node.link();

    node.store.take_away();
    assert_eq!(node.ready().await.0, 503);
    assert_eq!(node.get(&link).await.status, 503);

    node.store.bring_back();
    assert_eq!(node.ready().await.0, 200);
    assert_eq!(node.get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_drain_finishes_what_runs_and_begins_nothing() {
    let node = Node::with(|config| config.drain = Duration::from_mins(1)).await;
    let content = large_file();
    let link = node.link_of(&node.claims_for(&content));
    let delivery = Delivery::begin(node.address(), &link).await;
    let lease = delivery.lease();

    let drain = node.running.drain();
    let meanwhile = async {
        tokio::task::yield_now().await;
        let (status, body) = node.ready().await;
        assert_eq!((status, body["reason"].as_str()), (503, Some("draining")));
        let refused = node.get(&node.link()).await;
        assert_eq!((refused.status, refused.code().as_str()), (503, "draining"));
        assert!(refused.header("retry-after").is_some());
        let resumed = node
            .get_with(&link, &[("Cookie", &lease), ("Range", "bytes=-5")])
            .await;
        assert_eq!(resumed.status, 206, "what was claimed may go on");
        delivery.finish().await
    };
    let ((), received) = tokio::join!(drain, meanwhile);

    assert!(received == content, "the running delivery was finished");
    assert!(
        TcpStream::connect(node.address()).await.is_err(),
        "nobody listens any more"
    );
}

#[actix_web::test]
async fn a_drain_has_an_end() {
    let node = Node::with(|config| config.drain = Duration::from_millis(50)).await;
    let link = node.link_of(&node.claims_for(&vec![7; LARGE_BYTES]));
    let delivery = Delivery::begin(node.address(), &link).await;

    node.running.drain().await;

    let received = delivery.finish().await;
    assert!(received.len() < LARGE_BYTES, "the delivery was cut");
}
