//! Clients that lose an answer which comes too early.
//!
//! The AWS SDK for Go v2 closes the body of its request as soon as it has the head of the answer. Go's HTTP client may still be
//! checking that nothing follows in that body. It then takes the closed body for an error of writing, and closes the connection. What
//! it has not read of the answer is lost: `failed to decode response body … use of closed network connection`. The releases that QLDB's
//! Go driver works with do not try again. `findings/go-sdk-loses-early-answers.sh` shows it without this server.
//!
//! A distant server never answers that early. One on the same machine does, so it waits a moment.

use std::time::Duration;

use everstrand_protocol::error::SDK_FOR_GO;

use crate::request::Request;

/// Go's HTTP client reads up to 4,096 bytes with the head of an answer, and so cannot lose an answer that ends there. Our head is
/// shorter than the difference.
const READ_WITH_THE_HEAD: usize = 3 * 1024;

/// How long a client needs to end its request after the last byte of it was sent.
const MOMENT: Duration = Duration::from_millis(1);

/// Waits if the client could lose this answer.
pub(crate) async fn wait_for_the_request_to_end(request: &Request<'_>, answer_bytes: usize) {
    let is_hasty = || request.header("user-agent").is_some_and(|user_agent| user_agent.contains(SDK_FOR_GO));
    if answer_bytes > READ_WITH_THE_HEAD && is_hasty() {
        // In a box, so that other requests take no memory for it.
        Box::pin(tokio::time::sleep(MOMENT)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_long_answers_to_the_sdk_for_go_wait() {
        const GO: &str = "aws-sdk-go-v2/1.22.1 os/linux lang/go#1.21.3 api/qldbsession#1.18.0";
        for (user_agent, answer_bytes, waits) in [
            (GO, READ_WITH_THE_HEAD + 1, true),
            (GO, READ_WITH_THE_HEAD, false),
            ("aws-sdk-java/2.28.29", READ_WITH_THE_HEAD + 1, false),
        ] {
            let headers = [("User-Agent", user_agent)];
            let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
            let begin = Instant::now();
            wait_for_the_request_to_end(&request, answer_bytes).await;
            assert_eq!(begin.elapsed() >= MOMENT, waits, "{user_agent} {answer_bytes}");
        }
    }
}
