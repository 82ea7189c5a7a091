//! The whole shop on one machine, and the private PostgreSQL it stands on.
//!
//! The library is [`postgres`]: the demo runs a durable cluster with it, the tests a throwaway one.

pub mod postgres;
