//! The whole way, from the shop's session to the file: one claim a test.

mod deliveries;
mod fleet;
mod losses;
mod minting;
mod rotation;
