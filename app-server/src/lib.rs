//! The shop: pages and a JSON API for people with sessions, and the minting of download tokens.
//!
//! Inside, dependencies point one way: `domain ← db ← actions ← http ← main`. A test of the
//! workspace (`tests/layers.rs`) holds it.

pub mod actions;
pub mod cli;
pub mod config;
pub mod countries;
pub mod db;
pub mod domain;
pub mod error;
pub mod http;
pub mod keys;
pub mod mail;
pub mod nodes;
pub mod state;

pub use http::server::{Running, start};
