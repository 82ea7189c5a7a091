//! Clients that are slow, silent or many: who is let go, and who is not.
//!
//! Nothing here sleeps for a time to pass; a client waits for the end of its own connection.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    node::Node,
    wire::{exchange, request},
};

/// Nobody has to wait for this in these tests.
const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(80);

async fn quick_node() -> Node {
    Node::with(|config| config.limits.head_timeout = SHORT).await
}

/// The end of the connection, and what came before it.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// A request that keeps its connection.
fn kept(path: &str) -> String {
    request("GET", path, &[]).replace("Connection: close\r\n", "")
}

/// Reads until `mark` has come, and perhaps more.
async fn read_until(stream: &mut TcpStream, mark: &[u8]) -> Vec<u8> {
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
async fn small_client(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(address).await.unwrap()
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
    let mut stream = small_client(node.address()).await;
    stream
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;

    // Reads nothing more; the server's kernel asks in vain whether it would.
    node.until_idle().await;

    assert!(until_closed(&mut stream).await.len() < content.len());
}

#[actix_web::test]
async fn a_stalled_delivery_ends_with_its_lease() {
    let node = Node::with(|config| config.limits.head_timeout = SHORT).await;
    let content = vec![7; 30_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let mut stream = small_client(node.address()).await;
    stream
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;

    node.pass(24 * 60 * 60);
    node.until_idle().await;

    assert!(until_closed(&mut stream).await.len() < content.len());
}

#[actix_web::test]
async fn at_the_cap_the_longest_idle_connection_makes_room() {
    let node = Node::with(|config| {
        config.limits.max_connections = 3;
        config.limits.head_timeout = LONG;
    })
    .await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let mut delivering = small_client(node.address()).await;
    delivering
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();
    let began = read_until(&mut delivering, b"\r\n\r\n").await;
    assert!(began.starts_with(b"HTTP/1.1 200"));
    let mut first = TcpStream::connect(node.address()).await.unwrap();
    node.until_connections(2).await;
    let mut second = TcpStream::connect(node.address()).await.unwrap();
    node.until_connections(3).await;

    let newcomer = exchange(node.address(), &request("GET", "/healthz", &[])).await;

    assert_eq!(newcomer.unwrap().status, 200);
    assert!(until_closed(&mut first).await.is_empty(), "the idlest went");
    second
        .write_all(request("GET", "/healthz", &[]).as_bytes())
        .await
        .unwrap();
    assert!(until_closed(&mut second).await.starts_with(b"HTTP/1.1 200"));
    let n_bytes = began.len() + until_closed(&mut delivering).await.len();
    assert!(n_bytes > content.len());
}

#[actix_web::test]
async fn when_all_are_delivering_a_newcomer_is_refused_and_nobody_else_suffers() {
    let node = Node::with(|config| config.limits.max_connections = 1).await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let mut delivering = small_client(node.address()).await;
    delivering
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();
    let began = read_until(&mut delivering, b"\r\n\r\n").await;

    assert!(
        exchange(node.address(), &request("GET", "/healthz", &[]))
            .await
            .is_err()
    );

    let n_bytes = began.len() + until_closed(&mut delivering).await.len();
    assert!(n_bytes > content.len());
    assert_eq!(node.get("/healthz").await.status, 200);
}

#[actix_web::test]
async fn the_cap_per_address_spares_other_addresses_and_the_proxy_itself() {
    let node = Node::with(|config| {
        config.limits.max_connections_per_address = 2;
        config.limits.head_timeout = LONG;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let mut connections = Vec::new();
    for client in ["203.0.113.1", "203.0.113.1", "203.0.113.2"] {
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        ask_for(&mut stream, client).await;
        connections.push(stream);
    }

    let mut third = TcpStream::connect(node.address()).await.unwrap();
    ask_for(&mut third, "203.0.113.1").await;

    let [first, second, other] = connections.as_mut_slice() else {
        panic!("three connections");
    };
    assert!(
        until_closed(first).await.is_empty(),
        "the idlest of that address"
    );
    for stream in [second, other, &mut third] {
        ask_for(stream, "203.0.113.9").await;
    }
}

/// Asks on a connection of a proxy, in the name of `client`, and reads the answer.
async fn ask_for(stream: &mut TcpStream, client: &str) {
    let forwarded = format!("\r\nX-Forwarded-For: {client}\r\n\r\n");
    let head = kept("/healthz").replace("\r\n\r\n", &forwarded);
    stream.write_all(head.as_bytes()).await.unwrap();
    read_until(stream, b"ok\n").await;
}

#[actix_web::test]
async fn streams_over_the_cap_of_a_lease_wait_for_their_turn() {
    let node = Node::with(|config| config.max_streams_per_lease = 2).await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let lease = node.get(&link).await.cookie();
    let asked = request("GET", &link, &[("Cookie", &lease)]);
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut stream = small_client(node.address()).await;
        stream.write_all(asked.as_bytes()).await.unwrap();
        read_until(&mut stream, b"\r\n\r\n").await;
        running.push(stream);
    }

    let mut third = TcpStream::connect(node.address()).await.unwrap();
    third.write_all(asked.as_bytes()).await.unwrap();
    // It is there, and yet only two run.
    node.until_connections(3).await;
    assert_eq!(node.get("/healthz").await.status, 200);
    assert_eq!(node.running.n_streams(), 2);
    let another = node.get(&node.link_of(&node.claims_for(&content))).await;
    assert_eq!(
        another.body.len(),
        content.len(),
        "other leases do not wait"
    );

    drop(running.pop());
    assert!(until_closed(&mut third).await.len() > content.len());
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
async fn who_hangs_up_while_waiting_gives_its_place_to_the_next() {
    let node = Node::with(|config| {
        config.max_streams_per_lease = 1;
        config.limits.head_timeout = SHORT;
    })
    .await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let lease = node.get(&link).await.cookie();
    let asked = request("GET", &link, &[("Cookie", &lease)]);
    let mut running = small_client(node.address()).await;
    running.write_all(asked.as_bytes()).await.unwrap();
    read_until(&mut running, b"\r\n\r\n").await;
    let mut gone = TcpStream::connect(node.address()).await.unwrap();
    gone.write_all(asked.as_bytes()).await.unwrap();
    node.until_connections(2).await;

    drop(gone);
    node.until_connections(1).await;
    let mut third = TcpStream::connect(node.address()).await.unwrap();
    third.write_all(asked.as_bytes()).await.unwrap();
    node.until_connections(2).await;
    drop(running);

    assert!(until_closed(&mut third).await.len() > content.len());
}

#[actix_web::test]
async fn no_more_than_a_few_wait_by_one_lease() {
    let node = Node::with(|config| config.max_streams_per_lease = 1).await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let lease = node.get(&link).await.cookie();
    let asked = request("GET", &link, &[("Cookie", &lease)]);
    let mut waiting = Vec::new();
    for _ in 0..65 {
        let mut stream = small_client(node.address()).await;
        stream.write_all(asked.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    node.until_connections(65).await;

    let refused = loop {
        // Those before it may not have been read yet.
        let mut one_more = small_client(node.address()).await;
        one_more.write_all(asked.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(SHORT, until_closed(&mut one_more)).await;
        if let Ok(answer) = answer {
            break String::from_utf8(answer).unwrap();
        }
    };

    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(
        refused.contains("\"code\":\"too_many_streams\""),
        "{refused}"
    );
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
