//! One download-server over a real socket, with tokens signed by these tests' own key.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "a test may block")]

mod answers;
mod canary;
mod clocks;
mod defects;
mod issuer;
mod keys;
mod leases;
mod life;
mod node;
mod once;
mod wire;
