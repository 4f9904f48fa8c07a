//! Every example runs to its end. What it shows, it asserts itself.

#![expect(unreachable_pub, reason = "each example's `main` is public for this file alone")]

#[path = "../../examples/embedded_ledger.rs"]
mod embedded_ledger;
#[path = "../../examples/old_digest.rs"]
mod old_digest;
#[path = "../../examples/session_steps.rs"]
mod session_steps;
#[path = "../../examples/time_travel.rs"]
mod time_travel;
#[path = "../../examples/web_service.rs"]
mod web_service;

#[test]
fn an_embedded_ledger() {
    embedded_ledger::main().expect("it runs");
}

#[test]
fn a_session_step_by_step() {
    session_steps::main().expect("it runs");
}

#[test]
fn an_old_digest_is_verified_offline() {
    old_digest::main().expect("it runs");
}

#[test]
fn time_travel_and_history() {
    time_travel::main().expect("it runs");
}

#[test]
fn a_web_service_over_the_driver() {
    web_service::main().expect("it runs");
}
