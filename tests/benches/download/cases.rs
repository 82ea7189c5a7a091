//! What is measured.

pub(crate) mod cold;
pub(crate) mod large;
pub(crate) mod slow;
pub(crate) mod small;

use crate::{cores::Cores, options::Options, signer::Signer, stage::Stage};

/// What every case needs.
pub(crate) struct Run {
    pub(crate) options: Options,
    pub(crate) stage: Stage,
    pub(crate) signer: Signer,
    pub(crate) cores: Cores,
}
