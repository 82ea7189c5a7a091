//! A private PostgreSQL from the programs installed on this machine.
//!
//! [`programs::find_programs`] looks for them, [`cluster::Cluster`] runs them: on a unix socket
//! only, in a directory that only its account may enter, so that `trust` is safe. Nothing is ever
//! downloaded.
//!
//! The server lives no longer than the processes that use it, however those end. A small shell
//! script reads a pipe that each of them holds open for writing (see `lifeline`); the kernel
//! closes it with the last of them, after `kill -9` as well, and the script stops the server.

mod account;
pub mod cluster;
mod data;
pub mod error;
mod leftovers;
mod lifeline;
mod place;
pub mod programs;
mod server;
