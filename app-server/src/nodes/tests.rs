#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const ISSUER: &str = "http://shop.example";

/// A download server as far as `/readyz` goes.
struct Fake {
    url: BaseUrl,
    answer: Arc<std::sync::Mutex<String>>,
    n_asked: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Fake {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: BaseUrl = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let answer = Arc::new(std::sync::Mutex::new(String::new()));
        let n_asked = Arc::new(AtomicUsize::new(0));
        let (answers, counter) = (Arc::clone(&answer), Arc::clone(&n_asked));
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = answers.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let fake = Self {
            url,
            answer,
            n_asked,
            server,
        };
        fake.says(&fake.ready(ISSUER, "a", 0));
        fake
    }

    fn ready(&self, issuer: &str, instance: &str, streams: u64) -> String {
        format!(
            r#"{{"ready":true,"reason":null,"instance":"{instance}","audience":"{}","issuer":"{issuer}","streams":{streams},"max_streams":2,"new":1}}"#,
            self.url
        )
    }

    fn says(&self, body: &str) {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
        *self.answer.lock().unwrap() = format!("{head} {length}\r\n\r\n{body}");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn nodes(fakes: &[&Fake]) -> Nodes {
    let urls: Vec<BaseUrl> = fakes.iter().map(|fake| fake.url.clone()).collect();
    Nodes::of(&ISSUER.parse().unwrap(), &urls).unwrap()
}

fn key(n: u8) -> StorageKey {
    StorageKey::from_digest([n; 32])
}

#[tokio::test]
async fn nobody_is_picked_before_the_first_answer_but_finding_asks() {
    let fake = Fake::start().await;
    let nodes = nodes(&[&fake]);
    assert_eq!(nodes.pick(&key(1)), None);
    assert_eq!(nodes.find(&key(1)).await, Some(fake.url.clone()));
    assert_eq!(nodes.pick(&key(1)), Some(fake.url.clone()));
}

#[tokio::test]
async fn a_crowd_that_finds_nobody_asks_once() {
    let fake = Fake::start().await;
    fake.says("{}");
    let nodes = nodes(&[&fake]);
    let key = key(1);
    let crowd = (0..50).map(|_| nodes.find(&key));
    let found = futures_util::future::join_all(crowd).await;
    assert!(found.iter().all(Option::is_none));
    assert!(fake.n_asked.load(Ordering::SeqCst) < 50);
}

#[tokio::test]
async fn files_of_a_lost_server_go_to_the_other_and_come_back() {
    let (one, other) = (Fake::start().await, Fake::start().await);
    let nodes = nodes(&[&one, &other]);
    nodes.probe_all().await;
    let n = (0..=255)
        .find(|n| nodes.pick(&key(*n)) == Some(one.url.clone()))
        .unwrap();

    one.says(r#"{"ready":false,"reason":"draining","instance":"a","audience":"","issuer":"","streams":0,"max_streams":2}"#);
    nodes.probe_all().await;
    assert_eq!(nodes.pick(&key(n)), Some(other.url.clone()));

    one.says(&one.ready(ISSUER, "b", 0));
    nodes.probe_all().await;
    assert_eq!(nodes.pick(&key(n)), Some(one.url.clone()));
}

#[tokio::test]
async fn a_server_at_its_cap_is_passed_over_while_another_has_room() {
    let (one, other) = (Fake::start().await, Fake::start().await);
    let nodes = nodes(&[&one, &other]);
    one.says(&one.ready(ISSUER, "a", 2));
    nodes.probe_all().await;
    assert!((0..=255).all(|n| nodes.pick(&key(n)) == Some(other.url.clone())));

    other.says(&other.ready(ISSUER, "a", 3));
    nodes.probe_all().await;
    assert!((0..=255).any(|n| nodes.pick(&key(n)) == Some(one.url.clone())));
}

#[tokio::test]
async fn a_server_that_is_not_the_one_expected_is_down() {
    let fake = Fake::start().await;
    let nodes = nodes(&[&fake]);
    let good = fake.ready(ISSUER, "a", 0);
    let of_another_shop = fake.ready("http://other.example", "a", 0);
    let with_another_name = good.replace("127.0.0.1", "localhost");
    let endless = format!("{good}{}", " ".repeat(64 * 1024));
    for answer in [
        &of_another_shop,
        &with_another_name,
        &endless,
        "null",
        "<html>",
    ] {
        fake.says(&good);
        nodes.probe_all().await;
        assert!(nodes.pick(&key(1)).is_some());
        fake.says(answer);
        nodes.probe_all().await;
        assert_eq!(nodes.pick(&key(1)), None, "{answer:.80}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (one, other) = (Fake::start().await, Fake::start().await);
    let to = other.url.join("/readyz");
    *one.answer.lock().unwrap() =
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    nodes(&[&one]).probe_all().await;
    assert_eq!(other.n_asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn watching_ends_with_the_last_handle() {
    let fake = Fake::start().await;
    let nodes = nodes(&[&fake]);
    let watching = nodes.watch();
    drop(nodes);
    watching.await.unwrap();
}
