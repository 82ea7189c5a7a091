//! A store in a bucket of Amazon S3, or of a server that speaks the same protocol.
//!
//! Keys are `prefix/sha256/ab/cd/<64 hex>`, as in a folder. Nothing is cached.

mod keeping;
mod reading;

use std::{io, ops::Range, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, GetResult, ObjectStore, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
    path::Path,
};
use secrecy::ExposeSecret;

pub use self::reading::RemoteFile;
use super::{
    FileStoreError, StorageKey,
    access::{BucketAccess, BucketUrl},
    source::check_size,
};

/// Reaching a server takes no longer than this, or it is away.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Connections rest this long: less than the 20 s after which Amazon's servers leave them.
const IDLE: Duration = Duration::from_secs(15);

/// A bucket, and how to ask it.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Arc<AmazonS3>,
    prefix: Path,
    /// For the next byte of a body.
    patience: Duration,
}

impl Bucket {
    pub(super) fn open(url: &BucketUrl, access: &BucketAccess) -> Result<Self, FileStoreError> {
        let (Some(id), Some(secret)) = (&access.access_key_id, &access.secret_access_key) else {
            return Err(FileStoreError::Unsigned);
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&url.bucket)
            .with_region(&access.region)
            .with_access_key_id(id)
            .with_secret_access_key(secret.expose_secret())
            .with_retry(retry())
            .with_http_connector(Connector {
                allow_http: access.endpoint.as_ref().is_some_and(|url| !url.is_https()),
            });
        if let Some(token) = &access.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        builder = match &access.endpoint {
            // Whoever runs a server of their own has seldom a name for each bucket.
            Some(endpoint) => builder.with_endpoint(endpoint.as_str()),
            // A certificate for *.s3.… does not cover a bucket whose name has dots.
            None => builder.with_virtual_hosted_style_request(!url.bucket.contains('.')),
        };
        let client = builder
            .build()
            .map_err(|error| FileStoreError::Client(error.to_string()))?;
        let prefix = Path::parse(&url.prefix).map_err(|_| FileStoreError::Malformed)?;
        Ok(Self {
            client: Arc::new(client),
            prefix,
            patience: access.patience,
        })
    }

    /// Finds the file: by the head of a GET of `wanted`, or by HEAD.
    pub(super) async fn open_file(
        &self,
        key: StorageKey,
        size_bytes: Option<u64>,
        wanted: Option<Range<u64>>,
    ) -> io::Result<RemoteFile> {
        let found = self.get(key, wanted.clone(), None).await?;
        check_size(found.meta.size, size_bytes.unwrap_or(found.meta.size))?;
        Ok(RemoteFile::found(self.clone(), key, found, wanted))
    }

    /// A bucket that answers, knows us and has no such file is one that can be read.
    ///
    /// One GET: the cheapest request that tells a missing bucket from a missing file.
    pub(super) async fn probe(&self) -> io::Result<()> {
        let nothing = self.path("sha256/probe");
        match self.client.get_opts(&nothing, GetOptions::default()).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotFound { source, .. })
                if !source.to_string().contains("NoSuchBucket") =>
            {
                Ok(())
            }
            Err(error) => Err(said(&error)),
        }
    }

    /// Asks for the bytes of `range`, or for the head alone; of one `version`, if there was another.
    async fn get(
        &self,
        key: StorageKey,
        range: Option<Range<u64>>,
        version: Option<String>,
    ) -> io::Result<GetResult> {
        let options = GetOptions {
            head: range.is_none(),
            range: range.map(GetRange::Bounded),
            if_match: version,
            ..GetOptions::default()
        };
        let got = self.client.get_opts(&self.path(&key.path()), options).await;
        got.map_err(|error| said(&error))
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.as_ref().is_empty() {
            Path::from(name)
        } else {
            Path::from(format!("{}/{name}", self.prefix))
        }
    }
}

/// What fails by chance is tried again at once, within what a visitor will wait.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_millis(400),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(2),
    }
}

/// Makes the HTTP client: no proxy of the environment, no redirect to where nobody was sent.
#[derive(Debug)]
struct Connector {
    allow_http: bool,
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        // No deadline for a whole answer: a slow reader may take hours over one.
        let client = reqwest::Client::builder()
            .https_only(!self.allow_http)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_DEADLINE)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            })?;
        Ok(HttpClient::new(client))
    }
}

/// The bucket's error as a reader of files knows errors, with what it said in one line.
fn said(error: &object_store::Error) -> io::Error {
    use io::ErrorKind as K;
    use object_store::Error as E;
    let kind = match error {
        E::NotFound { .. } => K::NotFound,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => K::PermissionDenied,
        E::Precondition { .. } => K::InvalidData,
        _ => K::Other,
    };
    let text = error.to_string();
    let code = text
        .split_once("<Code>")
        .and_then(|(_, after)| after.split_once("</Code>"));
    let message = match (code, kind) {
        (Some((code, _)), _) => format!("the bucket says {code}"),
        (None, K::NotFound) => "there is no such file in the bucket".to_owned(),
        (None, K::PermissionDenied) => "the bucket refuses its key".to_owned(),
        (None, K::InvalidData) => "a stored file was replaced by another".to_owned(),
        (None, _) => text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(500)
            .collect(),
    };
    io::Error::new(kind, message)
}
