//! The contract between the two servers of Claimcheck.
//!
//! The app-server signs a [`token::DownloadToken`]; the download-server verifies it with a
//! [`key_set::KeySet`] that holds public halves only and answers with a file of the
//! [`file_store::FileStore`]. What is here is used by both; nothing here serves HTTP or knows a
//! database.

pub mod base_url;
pub mod clock;
pub mod file_name;
pub mod file_store;
pub mod forwarded;
pub mod key_set;
pub mod settings;
pub mod telemetry;
pub mod token;

mod object;
mod text;
