//! The whole shop on one machine, and the private PostgreSQL it stands on.
//!
//! [`postgres`] is for the tests as well: the demo runs a durable cluster with it, they a
//! throwaway one. The rest is the demo's own: what it sets up, and both servers in one process.

use std::io::Write;

pub mod accounts;
pub mod catalogue;
pub mod doors;
pub mod postgres;
pub mod rain;
pub mod secrets;
pub mod servers;
pub mod settings;

/// Prints a line for the person at the terminal; nobody may be reading.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
