//! The shop over HTTP: one claim a test.

mod accounts;
mod csrf;
mod https;
mod outage;
mod revival;
mod sessions;
mod statements;
