//! Log lines on their way to standard output, several in one write.
//!
//! A write for every line is a sizeable part of what a small download costs. Lines wait for a
//! moment or for company; what an operator should see at once does not wait.

use std::{
    io::{self, Write},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The longest that a line waits.
const PATIENCE: Duration = Duration::from_millis(100);

/// So many bytes wait for nothing more.
const FULL_BYTES: usize = 16 * 1024;

static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CAME: Condvar = Condvar::new();

/// Standard output for log lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    urgent: bool,
}

impl Lines {
    /// Starts the thread that lets no line wait for too long.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(|| {
                loop {
                    let waiting = CAME.wait_while(lock(), |waiting| waiting.is_empty());
                    drop(waiting);
                    thread::sleep(PATIENCE);
                    flush();
                }
            })
            .map(|_| Self { urgent: false })
    }
}

/// Writes what waits.
pub(super) fn flush() {
    write_out(&mut lock());
}

/// What cannot be written is lost: there is nowhere else to say so.
fn write_out(waiting: &mut Vec<u8>) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(waiting).and_then(|()| stdout.flush());
    waiting.clear();
}

/// Bytes are whole lines after every statement.
fn lock() -> MutexGuard<'static, Vec<u8>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Write for Lines {
    /// The subscriber writes a line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = lock();
        if waiting.is_empty() {
            CAME.notify_one();
        }
        waiting.extend_from_slice(line);
        if self.urgent || waiting.len() >= FULL_BYTES {
            write_out(&mut waiting);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self { urgent: true }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self {
        Self {
            urgent: *line.level() <= Level::WARN,
        }
    }
}
