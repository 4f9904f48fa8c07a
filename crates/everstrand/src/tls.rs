//! TLS of a server: the arguments of `serve` that name its files, and `everstrand tls self-signed`, which makes some for trials.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use everstrand_server::http::{Tls, TlsFiles};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// How long a certificate for trials is valid.
const DAYS: u64 = 365;
/// The names of this machine that each certificate for trials has.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The files of a server that speaks TLS.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Files {
    /// Speak HTTPS with the certificate in this file: PEM, the server's own certificate first, then those that lead to one that
    /// clients trust. The files of TLS are read again at SIGHUP and when they change
    #[arg(long, env = "EVERSTRAND_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of --tls-cert: PEM, not encrypted
    #[arg(long, env = "EVERSTRAND_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Answer only clients that show a certificate which one of those in this file has signed
    #[arg(long, env = "EVERSTRAND_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
}

impl Files {
    /// Reads the files, if they are named.
    pub(crate) fn open(&self) -> Result<Option<Tls>, String> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let client_ca = self.tls_client_ca.clone();
        Tls::open(TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca }).map(Some)
    }

    /// The file of the key.
    pub(crate) fn key(&self) -> Option<&Path> {
        self.tls_key.as_deref()
    }

    /// Whether the server speaks TLS.
    pub(crate) fn are_named(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Whether clients must show a certificate.
    pub(crate) fn demand_certificates(&self) -> bool {
        self.tls_client_ca.is_some()
    }
}

/// The commands of `everstrand tls`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make a certificate of a server, for trials: ca.pem, which clients have to trust, cert.pem and key.pem
    ///
    /// The key that signed them is written nowhere, so nobody can sign another certificate that those clients trust.
    SelfSigned {
        /// The folder to write to. Files that it has are not replaced
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// A host name or an address of the server, beside those of this machine's loopback (may be repeated)
        #[arg(long, value_name = "HOST")]
        name: Vec<String>,
        /// Make a certificate for a client of this name too, client.pem and client-key.pem, for serve --tls-client-ca DIR/ca.pem
        #[arg(long, value_name = "NAME")]
        client: Option<String>,
    },
}

/// Writes the files, and prints how they are used.
pub(crate) fn run(command: &Command) -> Result<ExitCode, Box<dyn Error>> {
    let Command::SelfSigned { out, name, client } = command;
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let file = |name: &str| out.join(name);
    let authority = authority()?;
    let names: Vec<String> = name
        .iter()
        .cloned()
        .chain(LOOPBACK.map(str::to_owned))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let first = name.first().map_or(LOOPBACK[0], String::as_str);
    let (certificate, key) = signed(&authority, first, names, ExtendedKeyUsagePurpose::ServerAuth)?;
    write_new(&file("key.pem"), &key, true)?;
    write_new(&file("cert.pem"), &certificate, false)?;
    if let Some(name) = client {
        let (certificate, key) = signed(&authority, name, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;
        write_new(&file("client-key.pem"), &key, true)?;
        write_new(&file("client.pem"), &certificate, false)?;
    }
    write_new(&file("ca.pem"), &authority.pem(), false)?;
    let shown = |name: &str| std::path::absolute(file(name)).map(|path| path.display().to_string());
    println!("everstrand serve --tls-cert {} --tls-key {}", shown("cert.pem")?, shown("key.pem")?);
    println!("everstrand env --endpoint https://{first}:8182 --ca {}", shown("ca.pem")?);
    Ok(ExitCode::SUCCESS)
}

/// A certificate that signs others, with its key.
fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, Box<dyn Error>> {
    let mut parameters = parameters("Everstrand trial CA", Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?)
}

/// A certificate that `authority` has signed, and its key, both in PEM.
fn signed(
    authority: &Issuer<'_, KeyPair>,
    name: &str,
    names: Vec<String>,
    purpose: ExtendedKeyUsagePurpose,
) -> Result<(String, String), Box<dyn Error>> {
    let mut parameters = parameters(name, names)?;
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![purpose];
    let key = KeyPair::generate()?;
    Ok((parameters.signed_by(&key, authority)?.pem(), key.serialize_pem()))
}

fn parameters(name: &str, names: Vec<String>) -> Result<CertificateParams, Box<dyn Error>> {
    let mut parameters =
        CertificateParams::new(names).map_err(|error| format!("{name:?} is no host name: {error}"))?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    // A client whose clock is a little behind can use it at once.
    parameters.not_before = (now - Duration::from_secs(60 * 60)).into();
    parameters.not_after = (now + Duration::from_secs(DAYS * 24 * 60 * 60)).into();
    Ok(parameters)
}

/// Writes a file that must not exist. A secret is for this user alone.
fn write_new(file: &Path, text: &str, secret: bool) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = secret;
    let written = options.open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", file.display()))
}
