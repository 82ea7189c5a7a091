//! JSON for programs.

pub mod admin;
pub mod cart;
pub mod confirm;
pub mod data;
pub mod downloads;
pub mod events;
pub mod library;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
pub mod session;
pub mod sessions;
pub mod users;
