//! Region, endpoint and credentials as the official SDKs find them.

use std::sync::Arc;

use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use everstrand_protocol::signature::Credentials;

use crate::error::Error;
use crate::http::{
    CredentialsFuture, CredentialsSource, HttpTransport, HttpTransportBuilder, TemporaryCredentials,
};

/// The loader of the SDKs' configuration, with an HTTP client whose TLS is rustls with ring. A loader without an HTTP client panics when
/// it loads.
pub fn sdk_config_loader() -> ConfigLoader {
    let client = aws_smithy_http_client::Builder::new().tls_provider(super::tls()).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(client)
}

/// A transport over HTTP with the region, the endpoint and the credentials that the official SDKs would find: variables, profile
/// files, `credential_process`, and what else the configuration was loaded with.
///
/// Credentials that expire are renewed, as [`HttpTransportBuilder::credentials_from`] says: the process of a profile runs again.
/// Profile files themselves are read once, when the configuration is loaded. An error means that the configuration names
/// credentials, and that there are none now.
///
/// ```no_run
/// # async fn main_() -> Result<(), everstrand_driver::Error> {
/// use everstrand_driver::{http_from_sdk_config, sdk_config_loader};
///
/// let config = sdk_config_loader().profile_name("ledger").load().await;
/// let transport = http_from_sdk_config(&config).await?.build()?;
/// # Ok(())
/// # }
/// ```
pub async fn http_from_sdk_config(config: &aws_config::SdkConfig) -> Result<HttpTransportBuilder, Error> {
    let mut builder = HttpTransport::builder();
    if let Some(region) = config.region() {
        builder = builder.region(region.as_ref());
    }
    if let Some(url) = config.endpoint_url() {
        builder = builder.endpoint(url);
    }
    if let Some(provider) = config.credentials_provider() {
        let source = FromSdk(provider);
        let found = source.credentials().await;
        found.map_err(|error| Error::Configuration(format!("no credentials: {error}")))?;
        builder = builder.credentials_from(Arc::new(source));
    }
    Ok(builder)
}

/// A provider of the SDKs as a source of ours.
#[derive(Debug)]
struct FromSdk(SharedCredentialsProvider);

impl CredentialsSource for FromSdk {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async {
            let found = self.0.provide_credentials().await?;
            Ok(TemporaryCredentials {
                expires: found.expiry(),
                credentials: Credentials {
                    access_key_id: found.access_key_id().to_owned(),
                    secret_access_key: found.secret_access_key().to_owned(),
                    session_token: found.session_token().map(str::to_owned),
                },
            })
        })
    }
}
