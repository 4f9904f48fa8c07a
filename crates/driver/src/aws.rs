//! The official SDK as a transport, and its way to find credentials.

#[cfg(feature = "aws-sdk")]
mod sdk;

#[cfg(feature = "aws-sdk")]
pub use sdk::{SdkTransport, sdk_http_client};

#[cfg(feature = "aws-config")]
mod config;

#[cfg(feature = "aws-config")]
pub use config::{http_from_sdk_config, sdk_config_loader};

/// TLS by rustls and ring, as everywhere in this crate.
fn tls() -> aws_smithy_http_client::tls::Provider {
    aws_smithy_http_client::tls::Provider::Rustls(
        aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
    )
}
