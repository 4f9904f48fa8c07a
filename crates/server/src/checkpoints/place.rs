//! The names, errors and rules that a folder and a URL share as places for checkpoints.

/// The second name of the newest checkpoint.
pub(super) const LATEST: &str = "latest.checkpoint";

/// Why a checkpoint or a key was not published.
pub(super) enum PutError {
    /// The place refuses it, and will refuse it again.
    Refused(String),
    /// The place does not answer, or answers with an error of its own, so the rest of the round is not tried.
    Unreachable(String),
    /// The place has a checkpoint of this ledger that its journal does not continue.
    Contradicted(String),
    /// Another server has published since the newest checkpoint was read.
    Overtaken(String),
}

impl PutError {
    pub(super) fn into_why(self) -> String {
        let (PutError::Refused(why)
        | PutError::Unreachable(why)
        | PutError::Contradicted(why)
        | PutError::Overtaken(why)) = self;
        why
    }
}

/// What to do if the place has a file of the name.
#[derive(Clone, Copy)]
pub(super) enum Existing<'a> {
    /// Its content must be the same; otherwise another ledger, or another key, claims to be this one.
    Keep,
    /// It must be the file that was read before, or, for `None`, there must be no file; otherwise another server has published.
    Replace(Option<&'a Newest>),
}

/// The newest published checkpoint.
pub(super) struct Newest {
    /// Its path or URL.
    pub(super) name: String,
    pub(super) text: String,
    /// The web server's name for this version of the file (ETag), if it has one.
    pub(super) version: Option<String>,
}
