//! What the servers of this process have logged, so that a test can search it.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, Once},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

/// Begins to keep the log; `TEST_LOG=1` prints it as well.
pub fn start() {
    START.call_once(|| {
        let filter = EnvFilter::new(
            "debug,cookie_store=off,fantoccini=info,hyper_util=info,reqwest=info,rustls=info",
        );
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(Keep)
            .init();
    });
}

/// How much has been logged so far; a place to search from.
pub fn position() -> usize {
    lines().len()
}

/// What was logged since `position`, by every server of this process.
pub fn since(position: usize) -> String {
    let lines = lines();
    String::from_utf8_lossy(lines.get(position..).unwrap_or_default()).into_owned()
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Keep;

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().extend_from_slice(bytes);
        if std::env::var_os("TEST_LOG").is_some() {
            io::stderr().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Keep {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}
