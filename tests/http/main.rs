//! The shop over HTTP: one claim a test.

mod accounts;
mod csrf;
mod sessions;
mod statements;
