//! Races for one key.

use bytes::Bytes;
use futures_util::future::join_all;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};

/// How many clients race.
const RACERS: u8 = 16;

/// What was seen of one race.
pub(super) struct Race {
    pub(super) has_winner: bool,
    /// Requests whose outcome nobody knows. They may have won.
    pub(super) unanswered: usize,
    /// What must not be, if it was seen.
    pub(super) broken: Option<String>,
}

/// Creates an object if there is none.
pub(super) async fn create(store: &AmazonS3, key: &Path, bytes: Bytes) -> Result<(), Error> {
    let options = PutOptions::from(PutMode::Create);
    store.put_opts(key, PutPayload::from(bytes), options).await.map(|_| ())
}

/// A body that tells its writer. It is long enough for the store to be slow about it.
fn body(writer: u8) -> Bytes {
    Bytes::from(vec![writer; 64 * 1024])
}

/// All create one fresh key while a reader looks at it, and one comes too late.
pub(super) async fn race_of_creates(store: &AmazonS3, key: &Path) -> Race {
    let racers = join_all((0..RACERS).map(|writer| create(store, key, body(writer))));
    let reader = async {
        let mut seen = Vec::new();
        for _ in 0..RACERS {
            if let Ok(found) = store.get(key).await
                && let Ok(bytes) = found.bytes().await
                && seen.last() != Some(&bytes)
            {
                seen.push(bytes);
            }
        }
        seen
    };
    let (answers, seen) = futures_util::join!(racers, reader);
    let (won, unanswered) = count(&answers);
    let late = create(store, key, body(RACERS)).await;
    let mut broken = too_many(&won);
    if seen.len() > 1 {
        broken = broken.or(Some(format!("a reader saw {} different bodies", seen.len())));
    }
    if late.is_ok() && !won.is_empty() {
        broken = broken.or(Some("a creator that came after the winner won, too".to_owned()));
    }
    match (held(store, key).await, &won[..]) {
        (Some(bytes), [winner]) if bytes != body(*winner) && unanswered == 0 => {
            broken = broken.or(Some("the key does not hold the winner's bytes".to_owned()));
        }
        (Some(bytes), _) if !(0..=RACERS).any(|writer| bytes == body(writer)) => {
            broken = broken.or(Some("the key holds bytes that nobody sent".to_owned()));
        }
        _ => {}
    }
    Race { has_winner: !won.is_empty(), unanswered, broken }
}

/// All replace one object under the tag of one read, while others try to create its key.
pub(super) async fn race_of_replacements(store: &AmazonS3, key: &Path) -> Race {
    let none = |why: String| Race { has_winner: false, unanswered: 0, broken: Some(why) };
    if let Err(error) = create(store, key, body(RACERS)).await {
        return none(error.to_string());
    }
    let version = match store.head(key).await {
        Ok(meta) => UpdateVersion { e_tag: meta.e_tag, version: meta.version },
        Err(error) => return none(error.to_string()),
    };
    let replace = |writer: u8| {
        let options = PutOptions::from(PutMode::Update(version.clone()));
        async move { store.put_opts(key, PutPayload::from(body(writer)), options).await.map(|_| ()) }
    };
    let replacing = join_all((0..RACERS).map(replace));
    let creating = join_all((0..RACERS / 4).map(|_| create(store, key, body(RACERS + 1))));
    let (answers, created) = futures_util::join!(replacing, creating);
    let (won, unanswered) = count(&answers);
    let mut broken = too_many(&won);
    if created.iter().any(Result::is_ok) {
        broken = broken.or(Some("a creator won beside a replacement: the key was free".to_owned()));
    }
    if replace(RACERS + 2).await.is_ok() && !won.is_empty() {
        broken = broken.or(Some("a replacement with an old tag won".to_owned()));
    }
    match (held(store, key).await, &won[..]) {
        (None, _) => broken = broken.or(Some("the key is gone".to_owned())),
        (Some(bytes), [winner]) if bytes != body(*winner) && unanswered == 0 => {
            broken = broken.or(Some("the key does not hold the winner's bytes".to_owned()));
        }
        _ => {}
    }
    Race { has_winner: !won.is_empty(), unanswered, broken }
}

/// The winners, and how many requests have no known outcome.
fn count(answers: &[Result<(), Error>]) -> (Vec<u8>, usize) {
    let won = (0..).zip(answers).filter(|(_, answer)| answer.is_ok()).map(|(writer, _)| writer).collect();
    let is_refusal = |error: &Error| {
        matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. })
    };
    let unanswered =
        answers.iter().filter(|answer| answer.as_ref().is_err_and(|error| !is_refusal(error))).count();
    (won, unanswered)
}

fn too_many(won: &[u8]) -> Option<String> {
    (won.len() > 1).then(|| format!("{} of {RACERS} won", won.len()))
}

async fn held(store: &AmazonS3, key: &Path) -> Option<Bytes> {
    store.get(key).await.ok()?.bytes().await.ok()
}
