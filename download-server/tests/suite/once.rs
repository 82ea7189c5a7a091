//! A token starts one delivery.

use std::{io, time::Duration};

use rustix::process::{Resource, getrlimit, setrlimit};
use shared::key_set::KeySet;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    node::{ISSUER, Node, Signer},
    store::N_CLAIMS,
    wire::{exchange, request},
};

#[actix_web::test]
async fn the_second_time_a_token_is_used_up() {
    let node = Node::start().await;
    let link = node.link();

    let first = node.get(&link).await;
    let second = node.get(&link).await;

    assert_eq!((first.status, first.body.as_slice()), (200, node.content()));
    assert_eq!((second.status, second.code().as_str()), (410, "used"));
    assert_eq!(second.header("set-cookie"), None);
}

#[actix_web::test]
async fn a_token_sent_both_ways_is_one_token() {
    let node = Node::start().await;
    let link = node.link();
    let bearer = format!("bearer {}", link.trim_start_matches("/d/"));

    assert_eq!(
        node.get_with("/d", &[("Authorization", &bearer)])
            .await
            .status,
        200
    );
    assert_eq!(node.get(&link).await.status, 410);
}

/// As many open files as this process may have.
pub(crate) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[actix_web::test]
async fn of_a_thousand_parallel_claims_one_is_answered_with_the_file() {
    raise_descriptor_limit();
    let node = Node::start().await;
    let (address, text) = (node.address(), request("GET", &node.link(), &[]));

    let clients: Vec<_> = (0..N_CLAIMS)
        .map(|_| {
            let text = text.clone();
            actix_web::rt::spawn(async move { exchange(address, &text).await.unwrap().status })
        })
        .collect();
    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(client.await.unwrap());
    }

    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(200), count(410)), (1, N_CLAIMS - 1));
}

#[actix_web::test]
async fn what_delivers_nothing_claims_nothing() {
    let node = Node::start().await;
    let claims = node.claims();
    let link = node.link_of(&claims);
    let etag = format!("\"{}\"", claims.key);

    assert_eq!(node.head(&link).await.status, 200);
    for (header, status) in [
        (("Sec-Purpose", "prefetch;prerender"), 503),
        (("If-None-Match", etag.as_str()), 304),
        (("If-Match", "\"other\""), 412),
        (("Range", "bytes=1000-"), 416),
    ] {
        let answer = node.get_with(&link, &[header]).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("set-cookie"), None, "{status}");
    }
    assert_eq!(node.ask("POST", &link, &[]).await.status, 405);

    assert_eq!(node.get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_file_that_is_missing_or_damaged_leaves_the_token_good() {
    let node = Node::start().await;
    let claims = node.claims();
    let link = node.link_of(&claims);

    node.store.remove(claims.key);
    let missing = node.get(&link).await;
    assert_eq!((missing.status, missing.code().as_str()), (503, "store"));
    assert!(missing.header("retry-after").is_some());

    node.store.write(claims.key, b"short");
    assert_eq!(node.get(&link).await.status, 503);
    assert_eq!(node.head(&link).await.status, 503);

    node.store.write(claims.key, node.content());
    assert_eq!(node.get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_claim_whose_answer_never_began_is_given_back() {
    let node = Node::with(|config| {
        config.workers = 1;
        config.jwks_pause = Duration::from_millis(100);
    })
    .await;
    let link = node.link();
    // The client sends two requests and goes. The first, of an unknown key, has to wait; when it
    // is answered, the client's machine says that nobody is there, so the second's head fails.
    let unknown = Signer::new().sign(&node.claims());
    let both = [
        request("GET", &format!("/d/{unknown}"), &[]),
        request("GET", &link, &[]),
    ];
    let both = both.concat().replace("Connection: close\r\n", "");
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(both.as_bytes()).await.unwrap();
    drop(stream);
    node.running.refresh_keys().await;
    for _ in 0..50 {
        node.head("/d/x").await;
    }

    assert_eq!(node.get(&link).await.status, 200);
}

/// A node, and a good link whose answer has to wait until keys are read again.
async fn slow_link() -> (Node, String) {
    let node = Node::with(|config| {
        config.workers = 1;
        config.jwks_pause = Duration::from_millis(100);
    })
    .await;
    let new = Signer::new();
    let keys = KeySet::from_keys(vec![node.signer.public.clone(), new.public.clone()]);
    std::fs::write(node.jwks_file(), keys.to_json()).unwrap();
    let link = format!("/d/{}", new.sign(&node.claims()));
    (node, link)
}

#[actix_web::test]
async fn a_client_that_hung_up_before_its_answer_keeps_its_token() {
    let (node, link) = slow_link().await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();
    drop(stream);
    node.running.refresh_keys().await;
    for _ in 0..50 {
        node.head("/d/x").await;
    }

    assert_eq!(node.get(&link).await.status, 200);
    assert_eq!(node.get(&link).await.status, 410);
}

#[actix_web::test]
async fn a_client_that_ended_only_its_sending_is_told_and_keeps_its_token() {
    let (node, link) = slow_link().await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream
        .write_all(request("GET", &link, &[]).as_bytes())
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains(r#""code":"hung_up""#), "{answer}");
    assert!(!answer.contains("set-cookie"), "{answer}");

    assert_eq!(node.get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_person_with_a_spent_link_is_sent_to_the_library() {
    let node = Node::start().await;
    let (used, expired) = (node.claims(), node.claims());
    let mut other = node.claims();
    other.exp += 60;
    node.get(&node.link_of(&used)).await;
    node.get(&node.link_of(&other)).await;
    let navigations: [&[(&str, &str)]; 2] = [
        &[("Sec-Fetch-Mode", "navigate")],
        &[("Accept", "text/html,*/*;q=0.8")],
    ];

    for headers in navigations {
        let answer = node.get_with(&node.link_of(&used), headers).await;
        let library = format!("{ISSUER}/library?file={}", used.fid);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(library.as_str()))
        );
    }
    node.pass(120);
    for headers in navigations {
        let answer = node.get_with(&node.link_of(&expired), headers).await;
        let library = format!("{ISSUER}/library?file={}", expired.fid);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(library.as_str()))
        );
    }
    // A download that goes on, and a HEAD, are told the truth instead.
    let resumed = [
        ("Sec-Fetch-Mode", "navigate"),
        ("Range", "bytes=1-"),
        ("Accept", "text/html"),
    ];
    assert_eq!(
        node.get_with(&node.link_of(&other), &resumed).await.status,
        410
    );
    let head = node
        .ask(
            "HEAD",
            &node.link_of(&other),
            &[("Sec-Fetch-Mode", "navigate")],
        )
        .await;
    assert_eq!(head.status, 410);
    let forged = Signer::new().sign(&used);
    let forged = node
        .get_with(&format!("/d/{forged}"), &[("Sec-Fetch-Mode", "navigate")])
        .await;
    assert_eq!(forged.status, 403, "a forged link leads nowhere");
}

#[actix_web::test]
async fn a_refused_retry_of_firefox_gets_no_answer_at_all() {
    let node = Node::start().await;
    let link = node.link();
    let retry = [
        ("Accept", "*/*"),
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Dest", "empty"),
        ("Sec-Fetch-Site", "none"),
    ];
    assert_eq!(
        node.get_with(&link, &retry).await.status,
        200,
        "a good one is answered"
    );

    for path in [link.as_str(), "/d/x"] {
        let refused = exchange(node.address(), &request("GET", path, &retry)).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
    let with_range = [&retry[..], &[("Range", "bytes=1-")]].concat();
    assert_eq!(node.get_with(&link, &with_range).await.status, 410);
}

#[actix_web::test]
async fn a_full_ledger_refuses_until_something_expires() {
    let node = Node::with(|config| config.ledger_capacity = 1).await;
    let used = node.link();
    assert_eq!(node.get(&used).await.status, 200);

    let full = node.get(&node.link()).await;
    assert_eq!((full.status, full.code().as_str()), (503, "ledger_full"));
    assert_eq!(node.get(&used).await.status, 410);

    node.pass(120);
    assert_eq!(node.get(&node.link()).await.status, 200);
}

#[actix_web::test]
async fn tokens_used_in_one_write_are_all_used() {
    let node = Node::with(|config| config.workers = 1).await;
    let claims = node.claims();
    // So that the file is open already, and nothing has to wait.
    node.get(&node.link_of(&claims)).await;
    let links = [node.link(), node.link(), node.link()];
    let kept = |link: &String| request("GET", link, &[]).replace("Connection: close\r\n", "");
    let mut text: String = links.iter().map(kept).collect();
    text += &request("GET", "/healthz", &[]);

    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.unwrap();

    let answers = String::from_utf8_lossy(&answers);
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4);
    for link in &links {
        assert_eq!(node.get(link).await.status, 410);
    }
}

#[actix_web::test]
async fn a_connection_goes_on_after_a_large_delivery() {
    let node = Node::start().await;
    let content: Vec<u8> = (0..=250_u8).cycle().take(1_000_000).collect();
    let links = [
        node.link_of(&node.claims_for(&content)),
        node.link_of(&node.claims_for(&content)),
    ];
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    for link in &links {
        let text = request("GET", link, &[]).replace("Connection: close\r\n", "");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(&content) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        let head = String::from_utf8_lossy(&answer[..answer.len() - content.len()]);
        assert!(head.contains("content-length: 1000000\r\n"), "{head}");
    }
}
