//! Letters: their words, how they are rendered, and the way they leave.
//!
//! What is due is decided by [`crate::actions::send_mail`]; nothing here knows the database.

pub mod kept;
pub mod message;
pub mod post;
pub mod words;
