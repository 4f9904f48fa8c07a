//! Where a store is: `s3://bucket/prefix` or `postgres://user@host/database`.

use std::str::FromStr;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{ClientOptions, RetryConfig};
use url::Url;

/// How long a request may take. A slow loser of a race is not an unreachable store: SeaweedFS takes up to 14 seconds
/// to refuse one of 32 creators of a key.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A place for journals, as the operator writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An S3-compatible object store.
    Objects(ObjectPlace),
    /// A PostgreSQL database.
    Sql(SqlPlace),
}

/// A bucket, and the prefix under which everything of ours lies in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPlace {
    /// The name of the bucket.
    pub bucket: String,
    /// The prefix, without a slash at its end; empty for the whole bucket.
    pub prefix: Path,
}

/// A PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlPlace {
    /// The connection string, as libpq takes it.
    pub url: String,
}

/// How the database keeps what it acknowledged when it loses a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// A commit waits for a standby (`synchronous_standby_names`).
    Standby,
    /// One machine, and nobody takes over: what its disk loses is lost.
    SingleNode,
    /// The storage below PostgreSQL replicates (Aurora, Cloud SQL), so that no old primary can go on by itself.
    Storage,
}

/// What a location does not say about an object store. What stands here replaces the usual AWS variables
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`).
#[derive(Clone, Default)]
pub struct ObjectStoreOptions {
    /// The endpoint of a store that is not AWS.
    pub endpoint: Option<String>,
    /// The region. Stores that are not AWS usually take any.
    pub region: Option<String>,
    /// The id of the access key and its secret.
    pub access_key: Option<(String, String)>,
}

/// Why a location cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// It is none of the known kinds.
    #[error("{0:?} is no place for journals: write s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE")]
    Unknown(String),
    /// It names no bucket, or a prefix that no object can have.
    #[error("{location:?} cannot be used: {why}")]
    Invalid {
        /// The location.
        location: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client of the store cannot be made.
    #[error("the client for bucket {bucket:?} cannot be made: {why}")]
    Client {
        /// The bucket.
        bucket: String,
        /// What is wrong.
        why: String,
    },
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Location, LocationError> {
        let url = Url::parse(text).map_err(|_| LocationError::Unknown(text.to_owned()))?;
        match url.scheme() {
            "s3" => {
                let invalid = |why: &dyn std::fmt::Display| LocationError::Invalid {
                    location: text.to_owned(),
                    why: why.to_string(),
                };
                let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
                let bucket = bucket.ok_or_else(|| invalid(&"it names no bucket"))?.to_owned();
                if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
                    return Err(invalid(&"only a bucket and a prefix are known"));
                }
                let prefix = Path::from_url_path(url.path()).map_err(|error| invalid(&error))?;
                Ok(Location::Objects(ObjectPlace { bucket, prefix }))
            }
            "postgres" | "postgresql" => Ok(Location::Sql(SqlPlace { url: text.to_owned() })),
            _ => Err(LocationError::Unknown(text.to_owned())),
        }
    }
}

impl ObjectPlace {
    /// The client of the bucket. It sends nothing yet.
    pub fn open(&self, options: &ObjectStoreOptions) -> Result<AmazonS3, LocationError> {
        // The HTTP client asks the process for its cryptography. Another library may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_http1_only();
        // The client must not repeat a create by itself. If the first attempt arrived unseen and the second found no
        // connection, its last error would say that nothing was sent.
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &options.endpoint {
            let is_plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(is_plain);
        }
        if let Some(region) = &options.region {
            builder = builder.with_region(region);
        }
        if let Some((id, secret)) = &options.access_key {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        builder
            .build()
            .map_err(|error| LocationError::Client { bucket: self.bucket.clone(), why: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_bucket_with_a_prefix_or_a_database() {
        let objects = |bucket: &str, prefix: &str| {
            Location::Objects(ObjectPlace { bucket: bucket.to_owned(), prefix: Path::from(prefix) })
        };
        let table = [
            ("s3://bucket", objects("bucket", "")),
            ("s3://bucket/", objects("bucket", "")),
            ("s3://bucket/a/b/", objects("bucket", "a/b")),
            ("postgres://me@here/db", Location::Sql(SqlPlace { url: "postgres://me@here/db".to_owned() })),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Location>().expect(text), expected, "{text}");
        }
        for text in ["", "folder", "s3://", "s3:///prefix", "s3://bucket?x=1", "s3://bucket:9000/a", "gs://b"]
        {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
