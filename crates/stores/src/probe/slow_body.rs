//! A store that looks at the condition when a request begins, and not when it ends, lets two creators win. A race finds
//! it by luck, a slow body finds it each time: one client sends all but its last byte, another creates the key, the
//! first one ends.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::signer::{Method, Signer};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::races::create;
use super::report::{Check, Need, Seen};

const BODY_BYTES: usize = 64 * 1024;
/// How long the store gets to take in the first part of the body.
const HEAD_START: Duration = Duration::from_millis(500);
/// Some stores let the second creator wait until the first has ended; they are in order, too.
const SECOND_WAITS: Duration = Duration::from_secs(3);
const VALID: Duration = Duration::from_secs(120);

pub(super) async fn late_end_of_a_slow_body(store: &AmazonS3, folder: &Path) -> Check {
    let (seen, evidence) = match race(store, &folder.clone().join("slow")).await {
        Ok((seen, evidence)) => (seen, evidence),
        Err(why) => (Seen::Unknown, why),
    };
    Check { name: "a slow body cannot replace a created key", need: Need::Journal, seen, evidence }
}

async fn race(store: &AmazonS3, key: &Path) -> Result<(Seen, String), String> {
    let url = store.signed_url(Method::PUT, key, VALID).await.map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().http1_only().build().map_err(|error| error.to_string())?;
    let (go_on, wait) = oneshot::channel::<()>();
    let start = Bytes::from(vec![b'a'; BODY_BYTES - 1]);
    let parts = stream::unfold((Some(start), Some(wait)), |(start, wait)| async move {
        match (start, wait) {
            (Some(start), wait) => Some((Ok::<_, std::io::Error>(start), (None, wait))),
            (None, Some(wait)) => {
                let _ = wait.await;
                Some((Ok(Bytes::from_static(b"a")), (None, None)))
            }
            (None, None) => None,
        }
    });
    let request = client
        .put(url)
        .header("if-none-match", "*")
        .header("content-length", BODY_BYTES)
        .body(reqwest::Body::wrap_stream(parts));
    let slow = tokio::spawn(request.send());
    sleep(HEAD_START).await;
    let quick = Bytes::from(vec![b'b'; BODY_BYTES]);
    let mut second = Box::pin(create(store, key, quick.clone()));
    let before_the_end = timeout(SECOND_WAITS, &mut second).await;
    let _ = go_on.send(());
    let slow = slow.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?.status();
    let (quick_won, waited) = match before_the_end {
        Ok(answer) => (answer.is_ok(), false),
        Err(_) => (second.await.is_ok(), true),
    };
    let held = match store.get(key).await {
        Ok(found) => found.bytes().await.map_err(|error| error.to_string())?,
        Err(error) => return Err(error.to_string()),
    };
    Ok(match (quick_won, slow.is_success()) {
        (true, true) => (Seen::Fails, format!("both won; the slow one got {slow}")),
        (true, false) if held != quick => {
            (Seen::Fails, format!("the slow one got {slow} and replaced the created object nevertheless"))
        }
        (true, false) => (Seen::Holds, format!("the slow one got {slow}")),
        (false, true) if waited => {
            (Seen::Holds, "the second creator waited for the slow one and lost".to_owned())
        }
        (false, true) => (Seen::Holds, "the second creator lost while the slow one was sending".to_owned()),
        (false, false) => (Seen::Unknown, format!("nobody won; the slow one got {slow}")),
    })
}
