//! Many requests over some connections, by one thread that never waits for any of them.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
};

use super::head::Head;

/// Requests made before the clock starts, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Requests {
    pub(crate) fn push(&mut self, request: &str) {
        self.bytes.extend_from_slice(request.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn nth(&self, n: usize) -> Option<&[u8]> {
        let end = *self.ends.get(n)?;
        let start = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As soon as a connection is free.
    AtOnce,
    /// The same, asleep in between: where the servers need the client's core as well.
    #[allow(
        dead_code,
        reason = "deliveries are measured by a client with a core to itself"
    )]
    AtOnceAsleep,
    /// One in each of these intervals, and as soon as a connection is free after that.
    Every(Duration),
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    /// From when a request was due, or sent, to the last byte of its answer; sorted.
    pub(crate) latencies: Vec<Duration>,
}

/// Sends all `requests` over `n_connections`; every answer must be 200.
pub(crate) fn run(
    address: SocketAddr,
    requests: &Requests,
    n_connections: usize,
    pace: Pace,
) -> anyhow::Result<Outcome> {
    let mut client = Client::connect(address, n_connections)?;
    let started = Instant::now();
    let mut latencies = Vec::with_capacity(requests.len());
    let mut n_sent = 0;
    while latencies.len() < requests.len() {
        let mut patience = None;
        while let Some(request) = requests.nth(n_sent) {
            let now = Instant::now();
            let due = match pace {
                Pace::AtOnce | Pace::AtOnceAsleep => now,
                Pace::Every(interval) => started + interval * u32::try_from(n_sent)?,
            };
            if due > now {
                patience = Some(due - now);
                break;
            }
            let Some(connection) = client.idle.pop_front() else {
                break;
            };
            client.send(connection, request, due)?;
            n_sent += 1;
        }
        // Waking a client that sleeps is counted as the server's work, once for each answer of a slow
        // server and rarely for a quick one; of a client elsewhere no server knows whether it sleeps.
        // So this one asks again and again instead.
        if matches!(pace, Pace::AtOnce) {
            patience = Some(Duration::ZERO);
        }
        client.receive(patience, &mut latencies)?;
    }
    latencies.sort_unstable();
    Ok(Outcome {
        elapsed: started.elapsed(),
        latencies,
    })
}

/// The kernel's timer for a poll is late by up to a millisecond: before that, ask without waiting.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// The most bytes taken from a connection at a time: a whole small answer.
const BUFFER_BYTES: usize = 64 * 1024;

struct Client {
    poll: OwnedFd,
    events: Vec<epoll::Event>,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    asked_at: Instant,
    /// What has come of the answer while its head is incomplete.
    head: Vec<u8>,
    /// Bytes of the body that are still to come, once the head is known.
    left: Option<u64>,
}

impl Client {
    fn connect(address: SocketAddr, n_connections: usize) -> anyhow::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::new();
        for n in 0..n_connections {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let data = epoll::EventData::new_u64(n as u64);
            epoll::add(&poll, &stream, data, epoll::EventFlags::IN)?;
            connections.push(Connection {
                stream,
                asked_at: Instant::now(),
                head: Vec::new(),
                left: None,
            });
        }
        Ok(Self {
            poll,
            events: Vec::with_capacity(n_connections),
            connections,
            idle: (0..n_connections).collect(),
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    fn send(&mut self, n: usize, request: &[u8], due: Instant) -> anyhow::Result<()> {
        let connection = &mut self.connections[n];
        connection.asked_at = due;
        // An idle socket takes a request of less than 2 KiB whole.
        let n_bytes = connection.stream.write(request)?;
        ensure!(n_bytes == request.len(), "a request did not fit its socket");
        Ok(())
    }

    /// Waits for at most `patience` and takes what has come.
    fn receive(
        &mut self,
        patience: Option<Duration>,
        latencies: &mut Vec<Duration>,
    ) -> anyhow::Result<()> {
        let patience = patience.map(|it| it.saturating_sub(TIMER_SLACK));
        let patience = patience.map(Timespec::try_from).transpose()?;
        self.events.clear();
        epoll::wait(
            &self.poll,
            spare_capacity(&mut self.events),
            patience.as_ref(),
        )?;
        for event in &self.events {
            let n = usize::try_from(event.data.u64())?;
            let connection = &mut self.connections[n];
            if connection.take(&mut self.buffer)? {
                latencies.push(connection.asked_at.elapsed());
                self.idle.push_back(n);
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Takes what has come; true when the answer is complete.
    fn take(&mut self, buffer: &mut [u8]) -> anyhow::Result<bool> {
        let n_bytes = match self.stream.read(buffer) {
            Ok(0) => bail!("the server ended a connection"),
            Ok(n_bytes) => n_bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let come = &buffer[..n_bytes];
        let left = match self.left {
            Some(left) => left - n_bytes as u64,
            None => {
                // Most heads come whole, and are read where they are.
                if !self.head.is_empty() {
                    self.head.extend_from_slice(come);
                }
                let come = if self.head.is_empty() {
                    come
                } else {
                    &self.head
                };
                let Some(head) = Head::parse(come)? else {
                    if self.head.is_empty() {
                        self.head = come.to_vec();
                    }
                    return Ok(false);
                };
                let head = head.ensure_ok(come)?;
                let left = head.n_bytes as u64 + head.content_length - come.len() as u64;
                self.head.clear();
                left
            }
        };
        self.left = (left > 0).then_some(left);
        Ok(left == 0)
    }
}
