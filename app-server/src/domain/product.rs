//! What is sold, and what it consists of.

use chrono::{DateTime, Utc};
use shared::{file_name::FileName, file_store::StorageKey};

use super::{
    ids::{FileId, ProductId},
    money::Money,
    slug::Slug,
};

/// A product as lists show it.
#[derive(Clone, Debug)]
pub struct Product {
    /// Which.
    pub id: ProductId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// One or two sentences of plain text.
    pub summary: String,
    /// What it costs today.
    pub price: Money,
    /// What it is filed under.
    pub tags: Vec<Slug>,
    /// Its picture.
    pub cover: Option<StorageKey>,
    /// Shown and sold; otherwise only its owners see it.
    pub published: bool,
}

impl Product {
    /// Where the picture is, on the shop's own origin.
    pub fn cover_url(&self) -> Option<String> {
        self.cover.map(|key| format!("/covers/{key}"))
    }

    /// What stands in for a missing picture.
    pub fn initial(&self) -> char {
        self.title
            .chars()
            .find(|c| c.is_alphanumeric())
            .unwrap_or('·')
    }
}

/// One version of one file of a product; never changed.
#[derive(Clone, Debug)]
pub struct ProductFile {
    /// This version.
    pub id: FileId,
    /// Part of this.
    pub product: ProductId,
    /// The same through all versions.
    pub name: FileName,
    /// Counted from 1.
    pub version: i32,
    /// Where the bytes are, and their SHA-256.
    pub key: StorageKey,
    /// Bytes.
    pub size_bytes: i64,
    /// As the download will call it.
    pub media_type: String,
    /// Since when it could be downloaded.
    pub published_at: DateTime<Utc>,
    /// No newer version of this name.
    pub current: bool,
}

impl ProductFile {
    /// The size as a person reads it: `512 bytes`, `1.4 MB`; powers of ten.
    pub fn size(&self) -> String {
        size(self.size_bytes)
    }
}

fn size(bytes: i64) -> String {
    if bytes < 1_000 {
        return format!("{bytes} bytes");
    }
    let (mut tenths, mut name) = (bytes / 100, "kB");
    for unit in ["MB", "GB", "TB"] {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
        name = unit;
    }
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// What an import or a form says about a product, already valid.
#[derive(Clone, Debug)]
pub struct NewProduct {
    /// Its name in addresses; importing again finds it by this.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// One or two sentences of plain text.
    pub summary: String,
    /// Markdown.
    pub description_markdown: String,
    /// What it costs.
    pub price: Money,
    /// What it is filed under, each once.
    pub tags: Vec<Slug>,
    /// Its picture.
    pub cover: Option<Cover>,
}

/// A stored picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Where the bytes are.
    pub key: StorageKey,
    /// One of [`image_type`]'s.
    pub media_type: &'static str,
}

/// The media type of a picture we show, by its first bytes: PNG, JPEG or WebP.
pub fn image_type(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (1_449, "1.4 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (1_000_000, "1.0 MB"),
            (268_435_456, "268 MB"),
            (5_000_000_000_000, "5.0 TB"),
            (i64::MAX, "9223372 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn only_pictures_that_browsers_show_safely_are_covers() {
        assert_eq!(image_type(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(image_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(image_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [
            &b"<svg xmlns="[..],
            b"GIF89a",
            b"",
            b"RIFF\0\0\0\0WAVE",
            b"\x89PNG",
        ] {
            assert_eq!(image_type(other), None);
        }
    }
}
