//! Logs: how they look and what never appears in them.

mod lines;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts logging to standard output: text on a terminal, otherwise one JSON object a line.
///
/// `filter` is `RUST_LOG`'s syntax; without one, `info`. A second call changes nothing. Lines below
/// `warn` may wait for 100 ms; dropping what is returned writes them out.
pub fn init(filter: Option<&str>) -> Logging {
    let filter = EnvFilter::new(filter.unwrap_or("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = if std::io::stdout().is_terminal() {
        registry.with(fmt::layer().with_target(false)).try_init()
    } else {
        // The one span there is stands in each line once, not a second time in a list of its own.
        let json = fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false);
        match lines::Lines::start() {
            Ok(lines) => registry.with(json.with_writer(lines)).try_init(),
            Err(_) => registry.with(json).try_init(),
        }
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
    std::panic::set_hook(Box::new(log_panic));
    Logging(())
}

/// The log, until the program ends.
#[derive(Debug)]
#[must_use = "the last lines are written when it is dropped"]
pub struct Logging(());

impl Drop for Logging {
    fn drop(&mut self) {
        lines::flush();
    }
}

/// A panic becomes a log line with its place; its backtrace with `RUST_BACKTRACE`.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(
        panic = panic.payload_as_str().unwrap_or("unknown"),
        location = panic.location().map(tracing::field::display),
        backtrace = %backtrace,
        "a bug: something panicked",
    );
}

/// The address with what must not be logged cut out: tokens, and every query.
///
/// `/d/…` is a download token; `/reset/…`, `/verify/…` and `/not-me/…` carry one-time secrets. A query may
/// hold what a person typed into a search box.
pub fn redacted_path(path: &str) -> &str {
    let path = path.split_once('?').map_or(path, |(before, _)| before);
    for secret in ["/d/", "/reset/", "/verify/", "/not-me/"] {
        if let Some(at) = path.find(secret) {
            return path.get(..at + secret.len()).unwrap_or(secret);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_queries_are_cut_out_of_addresses() {
        for (path, logged) in [
            ("/d/eyJhbGciOi", "/d/"),
            ("/files/d/eyJhbGciOi?x=1", "/files/d/"),
            ("/?q=my+illness", "/"),
            ("/reset/secret", "/reset/"),
            ("/verify/secret", "/verify/"),
            ("/not-me/secret", "/not-me/"),
            ("/library", "/library"),
        ] {
            assert_eq!(redacted_path(path), logged);
        }
    }
}
