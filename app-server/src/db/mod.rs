//! All SQL, and nothing else: connections with a deadline, queries prepared once.

pub mod carts;
pub mod client;
mod error;
pub mod migrate;
pub mod purge;
pub mod sessions;
pub mod users;
mod values;

pub use client::{Database, Db, Queries, Tx};
pub use error::{DbError, Result};

/// Every statement of every module; a test prepares each one on a migrated database.
pub const STATEMENTS: &[&[&str]] = &[purge::STATEMENTS, sessions::STATEMENTS, users::STATEMENTS];
