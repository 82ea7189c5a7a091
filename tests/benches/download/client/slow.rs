//! A thousand people with a thin line.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

/// Readers that take a little every second.
pub(crate) struct SlowReaders {
    streams: Vec<TcpStream>,
}

/// What each takes in a second.
pub(crate) const BYTES_PER_SEC: usize = 10_000;

impl SlowReaders {
    /// One connection for each request; receive buffers are the kernel's choice.
    pub(crate) fn ask(address: SocketAddr, requests: &[String]) -> anyhow::Result<Self> {
        let mut streams = Vec::new();
        for request in requests {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(request.as_bytes())?;
            stream.set_nonblocking(true)?;
            streams.push(stream);
        }
        Ok(Self { streams })
    }

    /// Reads for so many seconds, the readers evenly spread over each.
    ///
    /// # Errors
    /// A connection ended, or did not bring what its reader would have read; the first five
    /// seconds are for arriving.
    pub(crate) fn read_for(&mut self, secs: u32) -> anyhow::Result<()> {
        let mut buffer = [0; BYTES_PER_SEC];
        let each = Duration::from_secs(1) / u32::try_from(self.streams.len())?;
        let started = Instant::now();
        let mut n_late = 0_u64;
        let mut n_reads = 0_u32;
        for second in 0..secs {
            for stream in &mut self.streams {
                let due = started + each * n_reads;
                n_reads += 1;
                sleep(due.saturating_duration_since(Instant::now()));
                match stream.read(&mut buffer) {
                    Ok(n_bytes) => {
                        ensure!(n_bytes > 0, "the server ended a slow reader's connection");
                        n_late += u64::from(second >= 5 && n_bytes < BYTES_PER_SEC);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        n_late += u64::from(second >= 5);
                    }
                    Err(error) => return Err(error).context("a slow reader"),
                }
            }
        }
        let share = n_late as f64 / f64::from(n_reads);
        ensure!(share < 0.01, "{n_late} of {n_reads} reads found too little");
        Ok(())
    }
}
