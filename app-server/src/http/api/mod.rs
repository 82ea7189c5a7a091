//! JSON for programs.

pub mod cart;
pub mod confirm;
pub mod downloads;
pub mod library;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
pub mod session;
pub mod users;
