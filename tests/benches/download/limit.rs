//! What these servers do when this program is one of them.

mod constant;
mod sendfile;
mod verification;

use crate::options::{Limit, Options};

/// Serves until the process is killed.
pub(crate) fn serve(limit: Limit, options: &Options) -> anyhow::Result<()> {
    match limit {
        Limit::Sendfile => sendfile::serve(options.listen, &options.file),
        Limit::Verification => verification::serve(options.listen, &options.file),
        Limit::Constant => constant::serve(options.listen),
    }
}

pub(crate) use verification::verifications_per_sec;
