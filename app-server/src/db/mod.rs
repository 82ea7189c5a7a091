//! All SQL, and all that is asked of Redis: connections with a deadline, queries prepared once.

pub mod accounts;
pub mod addresses;
pub mod audit;
pub mod carts;
pub mod catalogue;
mod client;
pub mod deletion;
pub mod devices;
pub mod downloads;
pub mod elsewhere;
mod error;
pub mod export;
pub mod files;
pub mod library;
pub mod mail_links;
pub mod migrate;
pub mod mints;
pub mod orders;
pub mod outbox;
pub mod pending_sign_ins;
pub mod places;
pub mod products;
pub mod purge;
pub mod recovery_codes;
pub mod redis;
pub mod second_factors;
pub mod secrets;
pub mod sessions;
pub mod throttles;
pub mod users;
mod values;

pub use client::{Database, Db, Parameter, Queries, Tx, with_budget};
pub use error::{DbError, Result};

/// Every statement of every module; a test prepares each one on a migrated database.
pub const STATEMENTS: &[&[&str]] = &[
    accounts::STATEMENTS,
    addresses::STATEMENTS,
    audit::STATEMENTS,
    carts::STATEMENTS,
    catalogue::STATEMENTS,
    deletion::STATEMENTS,
    devices::STATEMENTS,
    downloads::STATEMENTS,
    elsewhere::STATEMENTS,
    export::STATEMENTS,
    files::STATEMENTS,
    library::STATEMENTS,
    mail_links::STATEMENTS,
    mints::STATEMENTS,
    orders::STATEMENTS,
    outbox::STATEMENTS,
    pending_sign_ins::STATEMENTS,
    places::STATEMENTS,
    products::STATEMENTS,
    purge::STATEMENTS,
    recovery_codes::STATEMENTS,
    second_factors::STATEMENTS,
    secrets::STATEMENTS,
    sessions::STATEMENTS,
    throttles::STATEMENTS,
    users::STATEMENTS,
];
