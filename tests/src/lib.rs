//! The harness of all suites: real servers on port 0, a real PostgreSQL, a clock that moves.

pub mod client;
pub mod db;
pub mod log;
pub mod shop;
pub mod world;
