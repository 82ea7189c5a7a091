//! One download-server over a real socket, with tokens signed by these tests' own key.
//!
//! Its files are in a folder; `tests/s3` runs the same tests with files in a bucket.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "a test may block")]

mod answers;
mod canary;
mod clocks;
mod crash;
#[cfg(target_os = "linux")]
mod crowd;
mod crowded;
mod defects;
mod delivery;
mod files;
mod issuer;
mod key_faults;
mod keys;
mod leases;
mod life;
mod limits;
mod metrics;
mod node;
mod once;
mod parts;
mod program;
mod row;
#[cfg(target_os = "linux")]
mod siege;
mod slow;
mod soak;
mod stop;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod wire;
