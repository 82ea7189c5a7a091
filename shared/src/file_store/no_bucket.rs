//! What stands for a bucket in a build without the feature `s3`: nothing, by construction.
#![expect(clippy::unused_async, reason = "what it stands for waits")]

use std::{io, ops::Range, path::Path};

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::{
    FileStoreError, StorageKey,
    access::{BucketAccess, BucketUrl},
};

/// No bucket.
#[derive(Clone, Debug)]
pub enum Bucket {}

/// No file in it.
#[derive(Debug)]
pub enum RemoteFile {}

impl Bucket {
    pub(super) fn open(_url: &BucketUrl, _access: &BucketAccess) -> Result<Self, FileStoreError> {
        Err(FileStoreError::S3)
    }

    pub(super) async fn open_file(
        &self,
        _key: StorageKey,
        _size_bytes: Option<u64>,
        _wanted: Option<Range<u64>>,
    ) -> io::Result<RemoteFile> {
        match *self {}
    }

    pub(super) async fn keep(
        &self,
        _path: &Path,
        _key: StorageKey,
        _size_bytes: u64,
    ) -> io::Result<()> {
        match *self {}
    }

    pub(super) async fn probe(&self) -> io::Result<()> {
        match *self {}
    }
}

impl RemoteFile {
    /// How many bytes it has.
    pub fn size_bytes(&self) -> u64 {
        match *self {}
    }

    /// The bytes of `range`, which nobody will ever ask for.
    pub fn stream(&mut self, _range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        match *self {}
    }
}
