//! Where a bucket is and what opens it: the variables, and what they mean.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{FileStore, FileStoreError};
use crate::{
    base_url::BaseUrl,
    settings::{Settings, Variable},
};

const fn variable(name: &'static str, value: &'static str, help: &'static str) -> Variable {
    Variable {
        name,
        value,
        default: "",
        help,
        secret: false,
    }
}

/// FILES_URL.
pub const FILES_URL: Variable = variable(
    "FILES_URL",
    "URL",
    "File store, file:///absolute/folder or s3://bucket/prefix; required",
);
/// AWS_ACCESS_KEY_ID.
pub const AWS_ACCESS_KEY_ID: Variable = variable(
    "AWS_ACCESS_KEY_ID",
    "ID",
    "Whose key opens the bucket; required with s3://",
);
/// AWS_SECRET_ACCESS_KEY.
pub const AWS_SECRET_ACCESS_KEY: Variable = Variable {
    secret: true,
    ..variable(
        "AWS_SECRET_ACCESS_KEY",
        "",
        "Signs requests to the bucket; required with s3://",
    )
};
/// AWS_SESSION_TOKEN.
pub const AWS_SESSION_TOKEN: Variable = Variable {
    secret: true,
    ..variable(
        "AWS_SESSION_TOKEN",
        "",
        "Goes with a key that is good for a while only",
    )
};
/// AWS_REGION.
pub const AWS_REGION: Variable = variable(
    "AWS_REGION",
    "REGION",
    "Where the bucket is; by default AWS_DEFAULT_REGION, or us-east-1",
);
/// AWS_DEFAULT_REGION.
pub const AWS_DEFAULT_REGION: Variable = variable(
    "AWS_DEFAULT_REGION",
    "REGION",
    "The same, when AWS_REGION is not given",
);
/// AWS_ENDPOINT_URL.
pub const AWS_ENDPOINT_URL: Variable = variable(
    "AWS_ENDPOINT_URL",
    "URL",
    "Another S3-compatible server than Amazon's, asked for {URL}/bucket/key",
);
/// AWS_ALLOW_HTTP.
pub const AWS_ALLOW_HTTP: Variable = Variable {
    default: "false",
    ..variable(
        "AWS_ALLOW_HTTP",
        "true|false",
        "Whether AWS_ENDPOINT_URL may be plain http beyond this machine",
    )
};

/// How to reach a bucket and prove who asks.
#[derive(Clone, Debug)]
pub struct BucketAccess {
    /// Whose key.
    pub access_key_id: Option<String>,
    /// The key.
    pub secret_access_key: Option<SecretString>,
    /// Goes with a temporary key.
    pub session_token: Option<SecretString>,
    /// Where the bucket is; part of every signature.
    pub region: String,
    /// Another server than Amazon's.
    pub endpoint: Option<BaseUrl>,
    /// A delivery waits this long for the bucket's next byte before it asks again.
    pub patience: Duration,
}

impl Default for BucketAccess {
    fn default() -> Self {
        Self {
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            region: "us-east-1".to_owned(),
            endpoint: None,
            patience: Duration::from_secs(10),
        }
    }
}

/// FILES_URL, and for a bucket how to open it; mistakes are noted in `settings`.
pub fn read(settings: &mut Settings) -> Option<(String, BucketAccess)> {
    let url = settings.required(FILES_URL.name)?;
    let mut access = BucketAccess::default();
    // Whoever keeps files in a folder may have these variables for something else.
    if url.starts_with("s3:") && cfg!(feature = "s3") {
        access = read_access(settings)?;
    }
    match FileStore::open(&url, &access) {
        Ok(_) => Some((url, access)),
        Err(error) => {
            settings.mistake(format!("{}: {url:?}: {error}", FILES_URL.name));
            None
        }
    }
}

fn read_access(settings: &mut Settings) -> Option<BucketAccess> {
    let access_key_id = settings.required(AWS_ACCESS_KEY_ID.name);
    let secret_access_key = settings.secret(AWS_SECRET_ACCESS_KEY.name);
    if secret_access_key.is_none() {
        settings.mistake(
            "AWS_SECRET_ACCESS_KEY: required, here or in the file AWS_SECRET_ACCESS_KEY_FILE names",
        );
    }
    let session_token = settings.secret(AWS_SESSION_TOKEN.name);
    let region = settings
        .text(AWS_REGION.name)
        .or_else(|| settings.text(AWS_DEFAULT_REGION.name));
    let allow_http = settings.parsed::<bool>(AWS_ALLOW_HTTP.name);
    let endpoint = settings.parsed::<BaseUrl>(AWS_ENDPOINT_URL.name);
    let exposed = |url: &BaseUrl| !url.is_https() && !url.is_loopback();
    if endpoint.as_ref().is_some_and(exposed) && allow_http == Some(false) {
        settings.mistake(
            "AWS_ENDPOINT_URL: plain http shows the files to whoever is on the way; https, loopback, or AWS_ALLOW_HTTP=true",
        );
    }
    let default = BucketAccess::default();
    Some(BucketAccess {
        access_key_id: Some(access_key_id?),
        secret_access_key: Some(secret_access_key?),
        session_token,
        region: region.unwrap_or(default.region),
        endpoint,
        patience: default.patience,
    })
}

/// `s3://bucket/prefix`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    /// Its name.
    pub bucket: String,
    /// What stands before every key: empty, or names separated by `/`.
    pub prefix: String,
}

impl BucketUrl {
    /// The parts of `url`.
    ///
    /// # Errors
    /// Not an address of a bucket, or of one whose name would need an escape somewhere.
    pub fn parse(url: &Url) -> Result<Self, FileStoreError> {
        let bucket = url.host_str().unwrap_or_default();
        let prefix = url.path().trim_start_matches('/').trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_name = |name: &str| !name.is_empty() && name.chars().all(plain);
        let lower =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let good = url.scheme() == "s3"
            && url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && (3..=63).contains(&bucket.len())
            && bucket.chars().all(lower)
            && (prefix.is_empty() || prefix.split('/').all(is_name));
        if !good {
            return Err(FileStoreError::Malformed);
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn parse(text: &str) -> Option<(String, String)> {
        let url = BucketUrl::parse(&Url::parse(text).unwrap()).ok()?;
        Some((url.bucket, url.prefix))
    }

    #[test]
    fn a_buckets_address_has_a_name_and_perhaps_a_prefix() {
        for (text, bucket, prefix) in [
            ("s3://files", "files", ""),
            ("s3://files/", "files", ""),
            ("s3://my.files-2/shop/a_b/", "my.files-2", "shop/a_b"),
        ] {
            assert_eq!(
                parse(text),
                Some((bucket.to_owned(), prefix.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_that_would_need_an_escape_is_none() {
        for text in [
            "s3:files",
            "s3://",
            "s3://ab",
            "s3://Files",
            "s3://files:9000/x",
            "s3://key:secret@files/x",
            "s3://files/a//b",
            "s3://files/a%20b",
            "s3://files/a?b",
            "s3://files/a#b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
