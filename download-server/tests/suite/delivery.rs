//! A delivery under way, read as slowly as a test likes.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::wire::request;

/// Several times what the kernel's buffers between the two sockets hold.
pub(crate) const LARGE_BYTES: usize = 32 * 1024 * 1024;

/// What the kernel keeps for a reader that rests; left alone it grows with the connection.
const RECEIVED_BYTES: u32 = 256 * 1024;

/// So many bytes in which a piece in the wrong place shows.
pub(crate) fn large_file() -> Vec<u8> {
    let pattern: Vec<u8> = (0..=250).collect();
    let mut file = pattern.repeat(LARGE_BYTES / pattern.len() + 1);
    file.truncate(LARGE_BYTES);
    file
}

/// A delivery that has begun and waits for its reader.
pub(crate) struct Delivery {
    stream: TcpStream,
    head: String,
    body: Vec<u8>,
}

impl Delivery {
    /// Claims `link` at `address` and reads no more than the head, and what came along.
    pub(crate) async fn begin(address: SocketAddr, link: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVED_BYTES).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let request = request("GET", link, &[]);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        let end = loop {
            let n_bytes = stream.read_buf(&mut received).await.unwrap();
            assert!(n_bytes > 0, "ended within its head");
            let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
        };
        let body = received.split_off(end);
        let head = String::from_utf8(received).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        Self { stream, head, body }
    }

    /// `name=value` of its lease.
    pub(crate) fn lease(&self) -> String {
        let (_, after) = self.head.split_once("set-cookie: ").unwrap();
        after.split_once(';').unwrap().0.to_owned()
    }

    /// Reads until so many bytes of the file are there.
    pub(crate) async fn read_to(&mut self, n_bytes: usize) {
        while self.body.len() < n_bytes {
            let read = self.stream.read_buf(&mut self.body).await.unwrap();
            assert!(read > 0, "ended after {} bytes", self.body.len());
        }
    }

    /// Reads so many bytes of the file in `n_steps`, resting after each.
    pub(crate) async fn read_slowly(&mut self, n_bytes: usize, n_steps: usize, rest: Duration) {
        for step in 1..=n_steps {
            self.read_to(n_bytes / n_steps * step).await;
            tokio::time::sleep(rest).await;
        }
    }

    /// What of the file came until the connection ended, in order or not.
    pub(crate) async fn finish(mut self) -> Vec<u8> {
        let _ = self.stream.read_to_end(&mut self.body).await;
        self.body
    }
}
