//! Thousands of clients that want nothing or never come to the point, in a process of their own.
//!
//! The process is this test binary once more, told to run [`the_clients_of_a_crowd`] alone. Its
//! standard input says what to do, and at its end the whole crowd leaves without a goodbye.

use std::{
    io::{BufRead, Write},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{once::raise_descriptor_limit, wire::request};

/// Set in the crowd's process, and only there.
const VARIABLE: &str = "CLAIMCHECK_CROWD";

/// Clients of one source address: each has far fewer ports than it could use.
const CLIENTS_PER_ADDRESS: usize = 200;

/// What a client's machine takes before somebody reads.
const RECEIVED_BYTES: u32 = 4_096;

/// Between two bytes of one that drips.
const DRIP: Duration = Duration::from_secs(1);

/// How often the clients connected, and what became of it.
#[derive(Debug, Default)]
struct Tally {
    connections: AtomicUsize,
    endings: AtomicUsize,
    failures: AtomicUsize,
}

/// A crowd at a server; it leaves when this is dropped.
pub(crate) struct Crowd {
    process: Child,
    orders: Option<ChildStdin>,
}

impl Crowd {
    /// Sends `n_clients` to `address`; each of `links` is for one that begins a delivery and then
    /// reads nothing.
    pub(crate) fn send(address: SocketAddr, n_clients: usize, links: &[String]) -> Self {
        let (_, name) = concat!(module_path!(), "::the_clients_of_a_crowd")
            .split_once("::")
            .unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--nocapture"])
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut orders = process.stdin.take().unwrap();
        writeln!(orders, "{address}\n{n_clients}").unwrap();
        for link in links {
            writeln!(orders, "{link}").unwrap();
        }
        writeln!(orders).unwrap();
        Self {
            process,
            orders: Some(orders),
        }
    }

    /// Lets everybody leave; returns when they have.
    pub(crate) fn leave(mut self) {
        drop(self.orders.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

#[actix_web::test]
#[ignore = "the clients of other tests, which start it: make soak"]
async fn the_clients_of_a_crowd() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    raise_descriptor_limit();
    let mut orders = std::io::stdin().lines().map_while(Result::ok);
    let address: SocketAddr = orders.next().unwrap().parse().unwrap();
    let n_clients: usize = orders.next().unwrap().parse().unwrap();
    let mut links: Vec<String> = orders
        .by_ref()
        .take_while(|line| !line.is_empty())
        .collect();
    // It holds the lock on standard input.
    drop(orders);

    let tally = Arc::new(Tally::default());
    for number in 0..n_clients {
        let link = (number % 16 == 15).then(|| links.pop()).flatten();
        actix_web::rt::spawn(attend(address, number, link, Arc::clone(&tally)));
    }
    let until_told = actix_web::rt::task::spawn_blocking(|| {
        std::io::stdin().lock().lines().for_each(drop);
    });
    until_told.await.unwrap();

    eprintln!(
        "the crowd connected {} times, was shown out {} times, and did not get in {} times",
        tally.connections.load(Ordering::Relaxed),
        tally.endings.load(Ordering::Relaxed),
        tally.failures.load(Ordering::Relaxed),
    );
}

/// Connects, does what a client of this `number` does until the server ends it, and comes back.
async fn attend(address: SocketAddr, number: usize, mut link: Option<String>, tally: Arc<Tally>) {
    loop {
        let Ok(mut stream) = connect(address, number).await else {
            tally.failures.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(DRIP).await;
            continue;
        };
        tally.connections.fetch_add(1, Ordering::Relaxed);
        match (link.take(), number % 4) {
            (Some(link), _) => stall(&mut stream, &link).await,
            (None, 0 | 1) => drain(&mut stream).await,
            (None, 2) => drip(&mut stream).await,
            (None, _) => {
                ask_once(&mut stream).await;
                drip(&mut stream).await;
            }
        }
        tally.endings.fetch_add(1, Ordering::Relaxed);
    }
}

async fn connect(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let source = u8::try_from(2 + number / CLIENTS_PER_ADDRESS).unwrap();
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVED_BYTES)?;
    socket.bind((Ipv4Addr::new(127, 0, 0, source), 0).into())?;
    socket.connect(address).await
}

/// Says nothing; returns at the end of the connection.
async fn drain(stream: &mut TcpStream) {
    let mut some = [0; 256];
    while stream
        .read(&mut some)
        .await
        .is_ok_and(|n_bytes| n_bytes > 0)
    {}
}

/// Sends a head without end, a byte at a time; returns at the end of the connection.
async fn drip(stream: &mut TcpStream) {
    let head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ".iter();
    for byte in head.chain(std::iter::repeat(&b'y')) {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        let mut some = [0; 256];
        let ended = tokio::time::timeout(DRIP, stream.read(&mut some)).await;
        if ended.is_ok_and(|read| !read.is_ok_and(|n_bytes| n_bytes > 0)) {
            return;
        }
    }
}

/// Has one request answered and keeps the connection.
async fn ask_once(stream: &mut TcpStream) {
    let asked = request("GET", "/healthz", &[]).replace("Connection: close\r\n", "");
    let _ = stream.write_all(asked.as_bytes()).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        if !stream
            .read_buf(&mut answer)
            .await
            .is_ok_and(|n_bytes| n_bytes > 0)
        {
            return;
        }
    }
}

/// Begins a delivery and reads none of it, for ever: a peer that the server's kernel gives up on is
/// told nothing.
async fn stall(stream: &mut TcpStream, link: &str) {
    let _ = stream.write_all(request("GET", link, &[]).as_bytes()).await;
    std::future::pending::<()>().await;
}
