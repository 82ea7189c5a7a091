//! As much of an answer's head as a client must understand.

use anyhow::{Context, ensure};

/// The head of an answer whose body has a known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head, the empty line included.
    pub(crate) n_bytes: usize,
    pub(crate) content_length: u64,
}

impl Head {
    /// The head at the beginning of `bytes`, once all of it is there.
    pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end])?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12));
        let length = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse())
        });
        let head = Self {
            status: status.context("no status")?.parse()?,
            n_bytes: end + 4,
            content_length: length.context("an answer of unknown length")??,
        };
        Ok(Some(head))
    }

    /// Refuses any answer but 200.
    pub(crate) fn ensure_ok(self, answer: &[u8]) -> anyhow::Result<Self> {
        ensure!(
            self.status == 200,
            "not delivered: {}",
            String::from_utf8_lossy(answer)
        );
        Ok(self)
    }
}
