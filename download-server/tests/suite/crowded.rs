//! Too many connections, too many deliveries by one lease: who makes room, and who waits.
//!
//! Nothing here sleeps for a time to pass.

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    node::Node,
    slow::{LONG, SHORT, begin, kept, read_until, small_client, until_closed},
    wire::{exchange, request},
};

#[actix_web::test]
async fn at_the_cap_the_longest_idle_connection_makes_room() {
    let node = Node::with(|config| {
        config.limits.max_connections = 3;
        config.limits.head_timeout = LONG;
    })
    .await;
    let content = vec![7; 3_000_000];
    let link = node.link_of(&node.claims_for(&content));
    let (mut delivering, began) = begin(&node, &request("GET", &link, &[])).await;
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
    let (mut delivering, began) = begin(&node, &request("GET", &link, &[])).await;

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
    let (running, _) = begin(&node, &asked).await;
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
