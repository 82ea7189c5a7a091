//! Values and rules: no I/O, no clock, no HTTP.

pub mod audit;
pub mod audit_words;
pub mod cart;
pub mod catalogue;
pub mod deletion;
pub mod device;
pub mod email;
pub mod ids;
pub mod mail;
pub mod markdown;
pub mod money;
pub mod order;
pub mod paging;
pub mod password;
pub mod product;
pub mod rotation;
pub mod search;
pub mod secret;
pub mod session;
pub mod slug;
pub mod throttle;
pub mod user;
pub mod user_agent;
