//! The harness of all suites: real servers on port 0, a real PostgreSQL, a clock that moves.

pub mod authenticator;
pub mod chromium;
pub mod client;
pub mod countries;
pub mod cut;
pub mod db;
pub mod downloads;
pub mod firefox;
pub mod large_sale;
pub mod letter;
pub mod log;
pub mod programs;
pub mod redis;
pub mod s3rver;
pub mod shop;
pub mod smtpd;
pub mod world;
