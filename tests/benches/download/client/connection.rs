//! One connection that waits for what it asked for, and never sleeps while it does.
//!
//! Waking a client that sleeps is counted as the server's work, and across the cores of a virtual
//! machine it costs as much as sending 64 KiB; of a client elsewhere no server knows whether it
//! sleeps.

use std::{
    hint::spin_loop,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};

use super::head::Head;

/// Bytes asked of the kernel at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A server that sends nothing for so long hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A connection kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self { stream, buffer })
    }

    /// Asks, and reads the whole answer; its body's bytes, or an error for any status but 200.
    pub(crate) fn get(&mut self, request: &[u8]) -> anyhow::Result<u64> {
        let (head, answer) = self.exchange(request)?;
        head.ensure_ok(&answer)?;
        Ok(head.content_length)
    }

    /// Asks, and reads the whole answer; its status.
    pub(crate) fn status(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        Ok(self.exchange(request)?.0.status)
    }

    /// The head, and the first bytes of the answer for an error's text.
    fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(Head, Vec<u8>)> {
        self.stream.write_all(request)?;
        let mut answer = Vec::new();
        let head = loop {
            let n_bytes = self.read()?;
            answer.extend_from_slice(&self.buffer[..n_bytes]);
            if let Some(head) = Head::parse(&answer)? {
                break head;
            }
        };
        let mut left = (head.n_bytes as u64 + head.content_length) - answer.len() as u64;
        while left > 0 {
            left -= self.read()? as u64;
        }
        answer.truncate(1_000);
        Ok((head, answer))
    }

    fn read(&mut self) -> anyhow::Result<usize> {
        let mut waits_since = None;
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => bail!("the server ended the connection"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let since = *waits_since.get_or_insert_with(Instant::now);
                    ensure!(since.elapsed() < DEADLINE, "the server sends nothing");
                    spin_loop();
                }
                read => return Ok(read?),
            }
        }
    }
}
