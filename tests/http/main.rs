//! The shop over HTTP: one claim a test.

mod accounts;
mod confirm;
mod csrf;
mod https;
mod outage;
mod revival;
mod sessions;
mod shelf;
mod shop_cart;
mod shop_catalogue;
mod shop_import;
mod shop_library;
mod shop_orders;
mod statements;
