//! Pages for people.

pub mod account;
pub mod cart;
pub mod catalogue;
pub mod checkout;
pub mod confirm;
pub mod covers;
pub mod downloads;
pub mod library;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
pub mod registration;
pub mod session;
