//! The bucket's server is away, refuses or has other bytes: before a claim and after it.

use std::time::Duration;

use tests::s3rver::S3rver;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    line::Line,
    node::Node,
    store::{Store, not_run},
    wire::request,
};

/// More than the kernel's buffers of two connections hold.
const LARGE_BYTES: usize = 48 * 1024 * 1024;

/// A server of its own, a node whose files are there, and the line between them.
async fn start() -> (S3rver, Store, Line, Node) {
    let server = S3rver::start().unwrap_or_else(|| not_run());
    let store = Store::on(&server);
    let line = Line::to(server.address()).await;
    let node = Node::with(|config| {
        config.files_url = store.url();
        config.bucket.endpoint = Some(line.url().parse().unwrap());
        config.bucket.patience = Duration::from_millis(300);
    })
    .await;
    (server, store, line, node)
}

fn large() -> Vec<u8> {
    let words = u32::try_from(LARGE_BYTES / 4).unwrap();
    (0..words).flat_map(u32::to_be_bytes).collect()
}

/// A delivery whose client has read its head and no more.
async fn begin(node: &Node, link: &str) -> (TcpStream, Vec<u8>, String) {
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    let asked = request("GET", link, &[]);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let text = String::from_utf8(head).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    let (_, lease) = text.split_once("set-cookie: ").unwrap();
    let lease = lease.split_once(';').unwrap().0.to_owned();
    (stream, Vec::new(), lease)
}

#[actix_web::test]
async fn a_server_that_is_away_leaves_the_token_good() {
    let (mut server, store, _line, node) = start().await;
    store.put(node.content());
    let (link, used) = (node.link(), node.link());
    let lease = node.get(&used).await.cookie();

    server.stop();
    let refused = node.get(&link).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "store"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(node.head(&link).await.status, 503);
    let resumed = node.get_with(&used, &[("Cookie", &lease)]).await;
    assert_eq!(resumed.status, 503);
    let (status, body) = node.ready().await;
    assert_eq!(status, 503);
    assert!(
        body["reason"]
            .as_str()
            .unwrap()
            .starts_with("the file store"),
        "{body}"
    );

    server.start_again();
    assert_eq!(node.ready().await.0, 200);
    let answer = node.get(&link).await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, node.content())
    );
    assert_eq!(node.get(&link).await.status, 410);
    assert_eq!(
        node.get_with(&used, &[("Cookie", &lease)]).await.status,
        200
    );
}

#[actix_web::test]
async fn a_server_that_is_silent_before_the_answer_is_503_within_the_deadline() {
    let (_server, store, line, node) = start().await;
    store.put(node.content());
    let link = node.link();
    // Connections that rest in the pool would not be silent.
    line.silent_after(0);

    let refused = node.get(&link).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "store"));

    assert_eq!(node.get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_delivery_goes_on_by_itself_when_the_line_breaks_or_falls_silent() {
    let (_server, store, line, node) = start().await;
    let content = large();
    store.put(&content);
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, mut received, _) = begin(&node, &link).await;

    line.cut_after(9_000_000);
    stream.read_buf(&mut received).await.unwrap();
    while received.len() < 20_000_000 {
        stream.read_buf(&mut received).await.unwrap();
    }
    line.silent_after(9_000_000);
    stream.read_to_end(&mut received).await.unwrap();

    assert!(received == content);
    assert!(line.n_connections() >= 3, "{}", line.n_connections());
    assert_eq!(node.get(&link).await.status, 410, "and it was one delivery");
}

#[actix_web::test]
async fn a_delivery_outlives_a_restart_of_the_server() {
    let (mut server, store, _line, node) = start().await;
    let content = large();
    store.put(&content);
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, mut received, _) = begin(&node, &link).await;

    server.stop();
    server.start_again();
    stream.read_to_end(&mut received).await.unwrap();

    assert!(received == content);
}

#[actix_web::test]
async fn a_delivery_that_cannot_go_on_breaks_off_and_is_resumed_by_its_lease() {
    let (mut server, store, _line, node) = start().await;
    let content = large();
    store.put(&content);
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, mut received, lease) = begin(&node, &link).await;

    server.stop();
    let _ = stream.read_to_end(&mut received).await;
    assert!(received.len() < content.len(), "the rest was nowhere");
    assert!(content.starts_with(&received));

    server.start_again();
    assert_eq!(node.get(&link).await.status, 410, "the token was used");
    let range = format!("bytes={}-", received.len());
    let rest = [("Cookie", lease.as_str()), ("Range", range.as_str())];
    let rest = node.get_with(&link, &rest).await;
    assert_eq!(rest.status, 206);
    received.extend_from_slice(&rest.body);
    assert!(received == content);
}

#[actix_web::test]
async fn bytes_that_turn_into_others_are_not_glued_together() {
    let (_server, store, line, node) = start().await;
    let content = large();
    let key = store.put(&content);
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, mut received, _) = begin(&node, &link).await;

    let mut other = content.clone();
    other.reverse();
    store.write(key, &other);
    line.cut_after(9_000_000);
    let _ = stream.read_to_end(&mut received).await;

    assert!(received.len() < content.len(), "it broke off");
    assert!(content.starts_with(&received));
}

#[actix_web::test]
async fn who_is_refused_by_the_bucket_refuses_in_turn_and_claims_nothing() {
    let server = S3rver::start().unwrap_or_else(|| not_run());
    let store = Store::on(&server);
    for nobody in [true, false] {
        let node = Node::with(|config| {
            config.files_url = store.url();
            config.bucket = store.access();
            if nobody {
                config.bucket.access_key_id = Some("SOMEBODY".to_owned());
            } else {
                config.bucket.secret_access_key = Some("another".into());
            }
        })
        .await;
        store.put(node.content());
        let link = node.link();

        for _ in 0..2 {
            let refused = node.get(&link).await;
            assert_eq!((refused.status, refused.code().as_str()), (503, "store"));
        }
        assert_eq!(node.ready().await.0, 503);
    }
}

#[actix_web::test]
async fn a_client_that_reads_nothing_stops_the_bucket() {
    let (_server, store, line, node) = start().await;
    let content = large();
    store.put(&content);
    let link = node.link_of(&node.claims_for(&content));
    let before = line.n_answered();
    let (mut stream, mut received, _) = begin(&node, &link).await;

    let mut carried = before;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        if line.n_answered() == carried {
            break;
        }
        carried = line.n_answered();
    }
    let held = carried - before;
    assert!(held < LARGE_BYTES as u64 / 2, "{held} bytes wait somewhere");

    stream.read_to_end(&mut received).await.unwrap();
    assert!(received == content);
}
