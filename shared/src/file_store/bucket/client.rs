//! The HTTP client beneath a bucket.

use std::time::Duration;

use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;

use crate::file_store::{FileStoreError, access::BucketAccess};

/// Reaching a server takes no longer than this, or it is away.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Connections rest this long: less than the 20 s after which Amazon's servers leave them.
const IDLE: Duration = Duration::from_secs(15);

/// The client of one bucket; nothing is asked yet.
pub(super) fn build(bucket: &str, access: &BucketAccess) -> Result<AmazonS3, FileStoreError> {
    let (Some(id), Some(secret)) = (&access.access_key_id, &access.secret_access_key) else {
        return Err(FileStoreError::Unsigned);
    };
    let endpoint = access.endpoint.as_ref();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&access.region)
        .with_access_key_id(id)
        .with_secret_access_key(secret.expose_secret())
        .with_retry(retry())
        .with_http_connector(Connector {
            allow_http: endpoint.is_some_and(|url| !url.is_https()),
        });
    if let Some(token) = &access.session_token {
        builder = builder.with_token(token.expose_secret());
    }
    builder = match endpoint {
        // Whoever runs a server of their own has seldom a name for each bucket.
        Some(endpoint) => builder.with_endpoint(endpoint.as_str()),
        // A certificate for *.s3.… does not cover a bucket whose name has dots.
        None => builder.with_virtual_hosted_style_request(!bucket.contains('.')),
    };
    let built = builder.build();
    built.map_err(|error| FileStoreError::Client(error.to_string()))
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
            .redirect(Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_DEADLINE)
            .pool_idle_timeout(IDLE)
            .build();
        let client = client.map_err(|error| object_store::Error::Generic {
            store: "S3",
            source: Box::new(error),
        })?;
        Ok(HttpClient::new(client))
    }
}
