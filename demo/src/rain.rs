//! Twenty-three minutes of rain: a WAV file of 256 MiB, the same bytes on every machine.
#![expect(
    clippy::disallowed_methods,
    reason = "written before the servers start"
)]

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

/// The whole file.
pub const SIZE_BYTES: u32 = 256 * 1024 * 1024;
const HEADER_BYTES: u32 = 44;
const SAMPLES_PER_SECOND: u32 = 48_000;

/// Writes the file, whole or not at all.
pub fn write(path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
    fall(&mut file, SIZE_BYTES)?;
    file.flush()?;
    drop(file);
    fs::rename(unfinished, path)
}

/// Writes `size_bytes` of it: a header for so many, and rain.
fn fall(file: &mut impl Write, size_bytes: u32) -> io::Result<()> {
    file.write_all(&header(size_bytes))?;
    let mut left = size_bytes.saturating_sub(HEADER_BYTES) as usize;
    let mut drops = Drops(0x5241_494E); // "RAIN"
    while left > 0 {
        let bytes = drops.next_four().to_le_bytes();
        let some = bytes.get(..left).unwrap_or(&bytes);
        file.write_all(some)?;
        left -= some.len();
    }
    Ok(())
}

/// RIFF WAVE, PCM, two channels of 16 bits.
fn header(size_bytes: u32) -> Vec<u8> {
    const CHANNELS: u16 = 2;
    const FRAME_BYTES: u16 = CHANNELS * 2;
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((size_bytes - 8).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(CHANNELS.to_le_bytes());
    header.extend(SAMPLES_PER_SECOND.to_le_bytes());
    header.extend((SAMPLES_PER_SECOND * u32::from(FRAME_BYTES)).to_le_bytes());
    header.extend(FRAME_BYTES.to_le_bytes());
    header.extend(16_u16.to_le_bytes());
    header.extend(b"data");
    header.extend((size_bytes - HEADER_BYTES).to_le_bytes());
    header
}

/// SplitMix64 (Steele, Lea and Flood, 2014): not for secrets.
struct Drops(u64);

impl Drops {
    /// Four samples, each an eighth of full scale at most: white noise is loud.
    fn next_four(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // Thirteen bits of each sixteen, their sign copied into the other three.
        let samples = mixed & 0x1FFF_1FFF_1FFF_1FFF;
        let signs = mixed & 0x1000_1000_1000_1000;
        samples | (signs << 1) | (signs << 2) | (signs << 3)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_first_drops_fall_as_they_always_did() {
        let mut file = Vec::new();
        fall(&mut file, 1 << 20).unwrap();

        assert_eq!(file.len(), 1 << 20);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
        let hex: String = digest
            .as_ref()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from_digit(u32::from(digit), 16).unwrap())
            .collect();
        assert_eq!(
            hex,
            "9ca142c1518ac83481a18b446667e1d0bf4f7c99db0a775f85c856fe4cb84133"
        );
    }

    #[test]
    fn no_drop_is_louder_than_an_eighth_of_full_scale() {
        let mut drops = Drops(1);
        for _ in 0..10_000 {
            let four = drops.next_four();
            for shift in [0, 16, 32, 48] {
                let sample = u16::try_from((four >> shift) & 0xFFFF)
                    .unwrap()
                    .cast_signed();
                assert!((-4096..4096).contains(&sample), "{sample}");
            }
        }
    }
}
