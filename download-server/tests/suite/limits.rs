//! What is full: the ledger, the streams, the table of open files.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

use crate::{
    delivery::{Delivery, LARGE_BYTES},
    node::Node,
    program::Site,
    wire::{exchange, request},
};

#[actix_web::test]
async fn at_its_limit_the_ledger_refuses_leaves_tokens_good_and_says_how_full_it_is() {
    let node = Node::with(|config| config.ledger_capacity = 1).await;
    let (used, mut later) = (node.link(), node.claims());
    later.exp += 60;
    let later = node.link_of(&later);
    let lease = node.get(&used).await.cookie();

    let full = node.get(&later).await;
    assert_eq!((full.status, full.code().as_str()), (503, "ledger_full"));
    assert!(full.header("retry-after").is_some());
    assert_eq!(full.header("set-cookie"), None);
    assert_eq!(node.get(&used).await.status, 410, "used stays used");
    let resumed = node.get_with(&used, &[("Cookie", &lease)]).await;
    assert_eq!(resumed.status, 200, "a lease needs no room");
    let (status, body) = node.ready().await;
    assert_eq!(
        status, 200,
        "the shop may still send somebody when all are full"
    );
    assert_eq!(
        (&body["claims"], &body["max_claims"]),
        (&1.into(), &1.into())
    );

    node.pass(120);
    assert_eq!(node.ready().await.1["claims"], 0, "seen without a request");
    assert_eq!(node.get(&later).await.status, 200, "nothing was lost");
    assert_eq!(node.get(&later).await.status, 410);
}

#[actix_web::test]
async fn over_max_streams_a_token_that_was_given_out_is_served_all_the_same() {
    let node = Node::with(|config| config.max_streams = 1).await;
    let content = vec![7; LARGE_BYTES];
    let running = Delivery::begin(node.address(), &node.link_of(&node.claims_for(&content))).await;

    assert_eq!(node.get(&node.link()).await.status, 200);
    let (status, body) = node.ready().await;
    assert_eq!((status, &body["streams"]), (200, &1.into()));
    assert_eq!(
        body["max_streams"], 1,
        "by which the shop sends buyers elsewhere"
    );

    assert!(running.finish().await == content);
}

/// A connection on which one request after the other is sent.
struct Kept(TcpStream);

impl Kept {
    async fn open(site: &Site) -> Self {
        Self(TcpStream::connect(site.address()).await.unwrap())
    }

    /// The status of the answer, whose body is empty or comes with its head.
    async fn status(&mut self, method: &str, path: &str) -> String {
        let request = request(method, path, &[]).replace("Connection: close\r\n", "");
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 16 * 1024];
        let n_bytes = self.0.read(&mut answer).await.unwrap();
        answer.truncate(n_bytes);
        let answer = String::from_utf8(answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

#[actix_web::test]
async fn without_file_descriptors_tokens_stay_good_and_with_them_it_goes_on() {
    let site = Site::new();
    let program = site.start_within("ulimit -n 64").await;
    assert!(program.has_logged("too few files may be open"));
    site.until_ready().await;
    let (link, waiting) = (site.link(b"content"), site.link(b"waiting"));
    let mut early = Kept::open(&site).await;
    assert_eq!(early.status("HEAD", "/healthz").await, "200");

    let mut idle = Vec::new();
    // A HEAD opens the file and claims nothing; another one each time, since some stay open.
    let mut number = 0_u32;
    while early
        .status("HEAD", &site.link(&number.to_be_bytes()))
        .await
        != "503"
    {
        number += 1;
        idle.push(Kept::open(&site).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(early.status("GET", &link).await, "503");
    program.until_logged("Too many open files").await;
    let waiting_request = request("GET", &waiting, &[]);
    let newcomer = exchange(site.address(), &waiting_request);
    let release = async {
        tokio::task::yield_now().await;
        drop(idle);
    };
    let (newcomer, ()) = tokio::join!(newcomer, release);

    assert_eq!(newcomer.unwrap().status, 200, "it had to wait");
    assert_eq!(early.status("GET", &link).await, "200");
    assert_eq!(site.get(&link).await.status, 410);
}

#[actix_web::test]
async fn it_opens_as_many_files_as_the_system_allows_whatever_the_shell_says() {
    let site = Site::new();
    let program = site.start_within("ulimit -S -n 64").await;
    program
        .until_logged("files and connections that may be open")
        .await;
    site.until_ready().await;
    let mut claims = site.claims(&vec![7; LARGE_BYTES]);

    let mut running = Vec::new();
    for _ in 0..64 {
        claims.jti = Uuid::new_v4();
        running.push(Delivery::begin(site.address(), &site.link_of(&claims)).await);
    }
}
