//! The official SDK as a transport, and its way to find credentials.

#[cfg(feature = "aws-sdk")]
mod sdk;

#[cfg(feature = "aws-sdk")]
pub use sdk::SdkTransport;

#[cfg(feature = "aws-config")]
mod config {
    use aws_credential_types::provider::ProvideCredentials;

    use crate::error::Error;
    use crate::http::{HttpTransport, HttpTransportBuilder};
    use everstrand_protocol::signature::Credentials;

    /// A transport over HTTP with the region and the credentials that the official SDKs would find: variables, profile files,
    /// `credential_process`, and what else the configuration was loaded with. An error means that there are none.
    ///
    /// The credentials are those of this moment. A program that lives longer than temporary credentials makes another transport.
    pub async fn http_from_sdk_config(config: &aws_config::SdkConfig) -> Result<HttpTransportBuilder, Error> {
        let mut builder = HttpTransport::builder();
        if let Some(region) = config.region() {
            builder = builder.region(region.as_ref());
        }
        if let Some(url) = config.endpoint_url() {
            builder = builder.endpoint(url);
        }
        if let Some(provider) = config.credentials_provider() {
            let found = provider.provide_credentials().await;
            let found = found.map_err(|error| Error::Configuration(format!("no credentials: {error}")))?;
            builder = builder.credentials(Credentials {
                access_key_id: found.access_key_id().to_owned(),
                secret_access_key: found.secret_access_key().to_owned(),
                session_token: found.session_token().map(str::to_owned),
            });
        }
        Ok(builder)
    }
}

#[cfg(feature = "aws-config")]
pub use config::http_from_sdk_config;
