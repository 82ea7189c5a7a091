//! Alive, ready, draining, gone.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    node::{ISSUER, Node},
    wire::request,
};

/// More than the kernel's buffers between two sockets hold.
const LARGE_BYTES: usize = 32 * 1024 * 1024;

/// A delivery that has begun and waits for its reader.
async fn begin(node: &Node, link: &str) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream
        .write_all(request("GET", link, &[]).as_bytes())
        .await
        .unwrap();
    let mut head = vec![0; 10_000];
    let n_bytes = stream.read(&mut head).await.unwrap();
    head.truncate(n_bytes);
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    (stream, head)
}

fn lease(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let (_, after) = head.split_once("set-cookie: ").unwrap();
    after.split_once(';').unwrap().0.to_owned()
}

#[actix_web::test]
async fn it_says_who_it_is_and_how_busy() {
    let node = Node::start().await;
    let (status, body) = node.ready().await;
    assert_eq!(status, 200);
    let instance = body["instance"].clone();
    assert_eq!(
        body,
        serde_json::json!({
            "ready": true, "reason": null, "instance": instance, "audience": node.url,
            "issuer": ISSUER, "streams": 0, "max_streams": 10_000,
        }),
    );
    assert_eq!(node.get("/healthz").await.status, 200);

    let link = node.link_of(&node.claims_for(&vec![7; LARGE_BYTES]));
    let delivery = begin(&node, &link).await;
    assert_eq!(node.ready().await.1["streams"], 1);
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
    let content: Vec<u8> = (0..=250_u8).cycle().take(LARGE_BYTES).collect();
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, mut received) = begin(&node, &link).await;
    let lease = lease(&received);

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
        stream.read_to_end(&mut received).await.unwrap();
    };
    tokio::join!(drain, meanwhile);

    assert!(
        received.ends_with(&content),
        "the running delivery was finished"
    );
    assert!(
        TcpStream::connect(node.address()).await.is_err(),
        "nobody listens any more"
    );
}

#[actix_web::test]
async fn a_drain_has_an_end() {
    let node = Node::with(|config| config.drain = Duration::from_millis(50)).await;
    let link = node.link_of(&node.claims_for(&vec![7; LARGE_BYTES]));
    let (mut stream, mut received) = begin(&node, &link).await;

    node.running.drain().await;

    let rest = stream.read_to_end(&mut received).await;
    assert!(
        rest.is_err() || received.len() < LARGE_BYTES,
        "the delivery was cut"
    );
}
