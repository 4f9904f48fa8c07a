//! TLS: the certificate that the server shows, and its replacement while the server runs.
//!
//! The files are read at the start, at [`Tls::reload`], and when their contents changed. New connections use what was read last;
//! connections that are open keep what they began with. Files that cannot be used change nothing.

mod files;
mod handshake;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;

use files::{Contents, Usable};

pub use files::TlsFiles;
pub(super) use handshake::{HandshakeError, accept};

/// The certificate of a server, its key, and whose certificates clients must show.
pub struct Tls {
    files: TlsFiles,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    /// What was tried last, whether it could be used or not.
    tried: Contents,
    /// What the files held when they were last looked at.
    seen: Result<Contents, String>,
}

impl Tls {
    /// Reads the files. An error says which file is wrong, why, and what to do.
    pub fn open(files: TlsFiles) -> Result<Tls, String> {
        let contents = files.read()?;
        let usable = files.check(&contents, now())?;
        note(&files, &usable);
        let state = State { config: usable.config, tried: contents.clone(), seen: Ok(contents) };
        Ok(Tls { files, state: Mutex::new(state) })
    }

    /// Reads the files again. If they cannot be used, the server keeps what it has.
    pub fn reload(&self) -> Result<(), String> {
        let seen = self.files.read();
        let mut state = self.lock();
        state.seen = seen.clone();
        self.take(&mut state, seen?)
    }

    /// Takes the files if they changed since they were last tried, and did not change since the last call: then nobody is still
    /// writing them. `None` if there is nothing to take.
    pub(super) fn reload_if_changed(&self) -> Option<Result<(), String>> {
        let seen = self.files.read();
        let mut state = self.lock();
        let settled = state.seen == seen;
        state.seen = seen.clone();
        let contents = seen.ok()?;
        (settled && contents != state.tried).then(|| self.take(&mut state, contents))
    }

    fn take(&self, state: &mut State, contents: Contents) -> Result<(), String> {
        let usable = self.files.check(&contents, now());
        state.tried = contents;
        let usable = usable?;
        note(&self.files, &usable);
        state.config = usable.config;
        Ok(())
    }

    /// What the next connection uses.
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.lock().config)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs until when a certificate is valid; as a warning if that is soon.
fn note(files: &TlsFiles, usable: &Usable) {
    let file = files.certificate.display();
    match usable.expires_soon {
        true => tracing::warn!(%file, until = usable.valid_until, "the server's certificate expires soon"),
        false => tracing::info!(%file, until = usable.valid_until, "the server's certificate was read"),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
