//! A shop that does nothing but publish keys, well or badly.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::DateTime;
use download_server::config::{Config, Jwks};
use shared::key_set::{KeySet, PublicKey};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How the shop answers.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Whole seconds since 1970.
    pub(crate) date: Option<i64>,
    pub(crate) age: Option<i64>,
    pub(crate) location: Option<String>,
    pub(crate) fault: Option<Fault>,
    pub(crate) n_asked: usize,
}

/// How an answer fails to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not until this is over.
    Silent,
    /// The connection ends instead.
    Gone,
    /// It ends before it is whole.
    Cut,
    /// It never ends.
    Endless,
}

/// A shop's key address.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    manners: Arc<Mutex<Manners>>,
}

impl Issuer {
    pub(crate) async fn start(date: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let body = String::new();
        let manners = Manners {
            status: 200,
            body,
            date: Some(date),
            age: None,
            location: None,
            fault: None,
            n_asked: 0,
        };
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            manners: Arc::new(Mutex::new(manners)),
        };
        let answering = issuer.clone();
        actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answering = answering.clone();
                actix_web::rt::spawn(async move { answering.answer(stream).await });
            }
        });
        issuer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes `config` read its keys here.
    pub(crate) fn serve(&self, config: &mut Config) {
        config.jwks = Jwks::Issuer;
        config.issuer = self.url().parse().unwrap();
    }

    pub(crate) fn publish(&self, keys: &[&PublicKey]) {
        let keys = keys.iter().map(|key| (*key).clone()).collect();
        self.change(|manners| manners.body = KeySet::from_keys(keys).to_json());
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Manners) -> T) -> T {
        change(&mut self.manners.lock().unwrap())
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read_exact(&mut byte).await.is_err() {
                return;
            }
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(
            head.starts_with("get /.well-known/jwks.json http/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("cache-control: no-cache"), "{head}");
        self.change(|manners| manners.n_asked += 1);
        while self.change(|manners| manners.fault == Some(Fault::Silent)) {
            sleep(Duration::from_millis(5)).await;
        }
        let manners = self.change(|manners| manners.clone());
        if manners.fault == Some(Fault::Gone) {
            return;
        }
        let http_date = |secs| {
            let date = DateTime::from_timestamp(secs, 0).unwrap();
            date.format("Date: %a, %d %b %Y %H:%M:%S GMT\r\n")
                .to_string()
        };
        let answer = format!(
            "HTTP/1.1 {} X\r\n{}Connection: close\r\n{}{}{}\r\n{}",
            manners.status,
            match manners.fault {
                Some(Fault::Endless) => String::new(),
                Some(Fault::Cut) => format!("Content-Length: {}\r\n", manners.body.len() + 1),
                _ => format!("Content-Length: {}\r\n", manners.body.len()),
            },
            manners.date.map(http_date).unwrap_or_default(),
            manners
                .age
                .map(|age| format!("Age: {age}\r\n"))
                .unwrap_or_default(),
            manners
                .location
                .map(|url| format!("Location: {url}\r\n"))
                .unwrap_or_default(),
            manners.body,
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        if manners.fault == Some(Fault::Endless) {
            while stream.write_all(&[b' '; 4_096]).await.is_ok() {}
        }
    }
}
