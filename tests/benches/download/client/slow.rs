//! A thousand people with a thin line.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use socket2::{Domain, Protocol, Socket, Type};

/// Readers that take a little every second.
pub(crate) struct SlowReaders {
    streams: Vec<TcpStream>,
}

/// The segments of an Ethernet. Those of loopback, 64 KiB, are half of a receive buffer: it would say
/// that there is room again only when there is room for a whole one, and slow readers would wait.
const SEGMENT_BYTES: u32 = 1_448;

/// What each takes in a second.
pub(crate) const BYTES_PER_SEC: usize = 10_000;

impl SlowReaders {
    /// One connection for each request; receive buffers are the kernel's choice.
    pub(crate) fn ask(address: SocketAddr, requests: &[String]) -> anyhow::Result<Self> {
        let mut streams = Vec::new();
        for request in requests {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_tcp_mss(SEGMENT_BYTES)?;
            socket.connect(&address.into())?;
            let mut stream = TcpStream::from(socket);
            stream.write_all(request.as_bytes())?;
            stream.set_nonblocking(true)?;
            streams.push(stream);
        }
        Ok(Self { streams })
    }

    /// Reads for so many seconds, the readers evenly spread over each; how many bytes a second came
    /// to each.
    pub(crate) fn read_for(&mut self, secs: u32) -> anyhow::Result<f64> {
        let mut buffer = [0; BYTES_PER_SEC];
        let n_readers = u32::try_from(self.streams.len())?;
        let each = Duration::from_secs(1) / n_readers;
        let started = Instant::now();
        let mut n_reads = 0;
        let mut n_bytes = 0_usize;
        for _ in 0..secs {
            for stream in &mut self.streams {
                let due = started + each * n_reads;
                n_reads += 1;
                sleep(due.saturating_duration_since(Instant::now()));
                match stream.read(&mut buffer) {
                    Ok(0) => bail!("the server ended a slow reader's connection"),
                    Ok(n) => n_bytes += n,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error).context("a slow reader"),
                }
            }
        }
        let elapsed = started.elapsed().as_secs_f64();
        Ok(n_bytes as f64 / elapsed / f64::from(n_readers))
    }
}
