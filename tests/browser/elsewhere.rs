//! A site that is not the shop.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

type Pages = Arc<Mutex<HashMap<String, String>>>;

/// A server of handwritten pages. Its task ends with the test's runtime.
pub struct Elsewhere {
    address: SocketAddr,
    pages: Pages,
}

impl Elsewhere {
    /// Without pages.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let pages = Pages::default();
        let for_task = Arc::clone(&pages);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&for_task)));
            }
        });
        Self { address, pages }
    }

    /// Another site than the shop's: nothing `SameSite` is sent along from here.
    pub fn far(&self) -> String {
        format!("http://elsewhere.localhost:{}", self.address.port())
    }

    /// Another origin of the shop's own site: `SameSite` alone would let everything pass.
    pub fn near(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Shows this at `path`.
    pub fn show(&self, path: &str, html: &str) {
        let page = format!("<!doctype html><title>elsewhere</title>{html}");
        let mut pages = self.pages.lock().expect("no panic while writing");
        pages.insert(path.to_owned(), page);
    }
}

async fn answer(mut stream: TcpStream, pages: Pages) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let page = pages
        .lock()
        .expect("no panic while writing")
        .get(path)
        .cloned();
    let (status, page) = page.map_or(("404 Not Found", String::new()), |page| ("200 OK", page));
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // A browser that has gone away wants no answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}
