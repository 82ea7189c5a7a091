//! Verifies single-use download tokens and streams the files they name.
//!
//! One request goes through `deliver` from top to bottom: the token is parsed and its signature
//! checked (`verifier`, with the keys of `keys`), then either its lease (`lease`) or its
//! times and the `ledger` decide whether a delivery may start; `conditions` and `ranges` say
//! what of the file is wanted, `multipart` puts several parts of it into one body, and `stream`
//! sends it. What is refused is said in `refusal`.
//!
//! There is no database, no user and no state on disk here, and no key that could sign a token.

pub mod config;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod server;

mod answer;
mod caller;
mod conditions;
mod connection;
mod deliver;
mod delivery_log;
mod files;
mod front;
mod health;
mod http_date;
mod keys;
mod lease;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod manner;
mod metrics;
mod multipart;
mod ranges;
mod readiness;
mod refusal;
mod request_log;
mod security_headers;
mod state;
mod stream;
mod streams;
mod verifier;

// What `ledger` locks with; its model checker has another.
use std::sync;

pub use server::{Running, start};
