//! Clients that are slow, silent or many: who is let go, and who is not.
//!
//! Nothing here sleeps for a time to pass; a client waits for the end of its own connection.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{node::Node, wire::request};

/// Nobody has to wait for this in these tests.
pub(crate) const LONG: Duration = Duration::from_mins(10);
pub(crate) const SHORT: Duration = Duration::from_millis(80);

async fn quick_node() -> Node {
    Node::with(|config| config.limits.head_timeout = SHORT).await
}

/// The end of the connection, and what came before it.
pub(crate) async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// A request that keeps its connection.
pub(crate) fn kept(path: &str) -> String {
    request("GET", path, &[]).replace("Connection: close\r\n", "")
}

/// Reads until `mark` has come, and perhaps more.
pub(crate) async fn read_until(stream: &mut TcpStream, mark: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.windows(mark.len()).any(|window| window == mark) {
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "closed too soon"
        );
    }
    bytes
}

/// A client whose machine takes little before somebody reads.
pub(crate) async fn small_client(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(address).await.unwrap()
}

/// A small client whose delivery has begun, and what it has read of it.
pub(crate) async fn begin(node: &Node, asked: &str) -> (TcpStream, Vec<u8>) {
    let mut stream = small_client(node.address()).await;
    stream.write_all(asked.as_bytes()).await.unwrap();
    let began = read_until(&mut stream, b"\r\n\r\n").await;
    (stream, began)
}

#[actix_web::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let node = quick_node().await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();

    assert!(until_closed(&mut stream).await.is_empty());
}

#[actix_web::test]
async fn a_head_that_only_drips_is_cut_off() {
    let node = quick_node().await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();

    // One byte and then another, until the server has had enough.
    let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ".to_owned() + &"y".repeat(100_000);
    for byte in head.bytes() {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the whole head was taken");
}

#[actix_web::test]
async fn later_heads_on_a_connection_have_no_more_time_than_the_first() {
    let node = quick_node().await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(kept("/healthz").as_bytes()).await.unwrap();
    read_until(&mut stream, b"ok\n").await;

    stream.write_all(b"GET /healthz HT").await.unwrap();

    assert!(until_closed(&mut stream).await.is_empty());
}

#[actix_web::test]
async fn a_body_that_never_comes_holds_no_connection() {
    let node = quick_node().await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    let head = kept("/healthz").replace("\r\n\r\n", "\r\nContent-Length: 1000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();

    let answer = until_closed(&mut stream).await;

    assert!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "answered all the same"
    );
}

#[actix_web::test]
async fn a_head_without_end_is_cut_off_before_it_fills_memory() {
    let node = Node::with(|config| config.limits.head_timeout = LONG).await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ".to_owned() + &"y".repeat(1_000_000);

    let _ = stream.write_all(head.as_bytes()).await;

    assert!(!until_closed(&mut stream).await.starts_with(b"HTTP/1.1 200"));
}

#[actix_web::test]
async fn a_slow_reader_keeps_its_delivery_longer_than_any_head_may_take() {
    let node = quick_node().await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let mut stream = small_client(node.address()).await;
    stream
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();

    // Every other connection times out several times over meanwhile.
    let mut n_bytes = 0;
    for _ in 0..4 {
        let mut idle = TcpStream::connect(node.address()).await.unwrap();
        until_closed(&mut idle).await;
        let mut some = [0; 10_000];
        n_bytes += stream.read(&mut some).await.unwrap();
    }
    n_bytes += until_closed(&mut stream).await.len();

    assert!(n_bytes > content.len());
}

#[actix_web::test]
async fn a_reader_that_acknowledges_nothing_is_let_go() {
    let node = Node::with(|config| config.limits.peer_silence = SHORT).await;
    let content = vec![7; 30_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, _) = begin(&node, &request("GET", &link, &[])).await;

    // Reads nothing more; the server's kernel asks in vain whether it would.
    node.until_idle().await;

    assert!(until_closed(&mut stream).await.len() < content.len());
}

#[actix_web::test]
async fn a_stalled_delivery_ends_with_its_lease() {
    let node = Node::with(|config| config.limits.head_timeout = SHORT).await;
    let content = vec![7; 30_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let (mut stream, _) = begin(&node, &request("GET", &link, &[])).await;

    node.pass(24 * 60 * 60);
    node.until_idle().await;

    assert!(until_closed(&mut stream).await.len() < content.len());
}

#[actix_web::test]
async fn a_thousand_silent_and_dripping_connections_leave_nothing_behind() {
    crate::once::raise_descriptor_limit();
    let node = Node::with(|config| config.limits.head_timeout = Duration::from_millis(1_500)).await;
    let link = node.link();
    let mut silent = Vec::new();
    for number in 0..1_000 {
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"GET /d/").await.unwrap();
        }
        silent.push(stream);
    }

    assert_eq!(
        node.get(&link).await.status,
        200,
        "downloads go on beside them"
    );
    for mut stream in silent {
        assert!(until_closed(&mut stream).await.is_empty());
    }

    node.until_connections(0).await;
}

#[actix_web::test]
async fn answers_that_nobody_reads_stop_the_asking() {
    let node = Node::start().await;
    let claims = node.claims();
    let link = node.link_of(&claims);
    let etag = format!("\"{}\"", claims.key);
    let text = request("GET", &link, &[("If-None-Match", &etag)]);
    let text = text.replace("Connection: close\r\n", "").repeat(20);
    let mut stream = small_client(node.address()).await;

    // Asks until the server reads no more, or has had enough.
    let asking = async { while stream.write_all(text.as_bytes()).await.is_ok() {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), asking).await;

    assert!(resident_kib() < 500_000, "answers were heaped up");
    assert_eq!(node.get(&link).await.status, 200);
}

/// What this process holds in memory, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}
