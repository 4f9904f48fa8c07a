//! What `crate::hostile_clients` does to a server, and what of it a test allows. One test an attack.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::hostile_clients::attacks::ATTACKS;
use crate::hostile_clients::{BYSTANDER_P99_MAX, END_MAX, HEALTH_MAX, MEMORY_BYTES_MAX, ToldApartBy, run};
use crate::process::{program, setting};

/// How many times as long as it should something may take on a machine that is busy with other tests.
const FORGIVEN: u32 = 10;

/// One at a time: together they would be another attack.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs an attack from another address, and then for half as long with another access key from the same address.
fn withstands(name: &str) {
    let time = Duration::from_secs(setting("EVERSTRAND_ATTACK_SECONDS", 6));
    withstands_for(name, ToldApartBy::Address, time);
    withstands_for(name, ToldApartBy::AccessKey, time / 2);
}

fn withstands_for(name: &str, told_apart_by: ToldApartBy, time: Duration) {
    let attack = ATTACKS.iter().find(|attack| attack.name == name).expect("an attack of this name");
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let program = program();
    let figures = run(Path::new(program.get_program()), attack, told_apart_by, time).expect(attack.name);
    drop(alone);
    let (bystander, health) = (figures.bystander.percentile(99), figures.health.percentile(100));
    eprintln!(
        "{}, told apart by {told_apart_by:?}: peak {} MiB; bystander {:?} median, {bystander:?} p99 of {}; /health {health:?} at most of {}; ended within {:?}",
        attack.name,
        figures.peak_bytes >> 20,
        figures.bystander.percentile(50),
        figures.bystander.sorted.len(),
        figures.health.sorted.len(),
        figures.ended_within,
    );
    assert!(figures.bystander.failures.is_empty(), "{:?}", figures.bystander.failures);
    assert!(figures.health.failures.is_empty(), "{:?}", figures.health.failures);
    assert!(bystander <= FORGIVEN * BYSTANDER_P99_MAX, "a bystander waits for {bystander:?}");
    assert!(health <= FORGIVEN * HEALTH_MAX, "/health takes {health:?}");
    assert!(figures.peak_bytes <= MEMORY_BYTES_MAX, "{} bytes of memory", figures.peak_bytes);
    assert!(figures.ended_within <= 2 * END_MAX, "it ends after {:?}", figures.ended_within);
}

#[test]
fn cross_joins() {
    withstands("128 cross joins");
}

#[test]
fn cross_joins_begun_and_left() {
    withstands("64 clients that close their connections during cross joins");
}

#[test]
fn short_statements() {
    withstands("128 clients with statements of some milliseconds");
}

#[test]
fn computed_texts() {
    withstands("lists, rows and keys of a computed text");
}

#[test]
fn patterns() {
    withstands("LIKE over long texts in a strict ledger");
}

#[test]
fn nested_queries() {
    withstands("queries nested 15 deep, 97 KB");
}

#[test]
fn half_bodies() {
    withstands("120 connections that send 15 of 16 MiB");
}

#[test]
fn whole_bodies() {
    withstands("40 clients that send whole bodies of 16 MiB");
}

#[test]
fn unread_answers() {
    withstands("100 clients that do not read 4 MiB");
}

#[test]
fn ledgers_that_come_and_go() {
    withstands("16 clients that create and delete ledgers");
}

#[test]
fn sessions() {
    withstands("sessions and transactions without end");
}

#[test]
fn sorted_results() {
    withstands("25 transactions with sorted results of 40 MiB");
}

#[test]
fn open_writes() {
    withstands("transactions of 4 MiB that are left open");
}

#[test]
fn plans() {
    withstands("500 statements of 2,000 characters in each of 15 ledgers");
}

#[test]
fn unwritten_views() {
    withstands("writes of 4 MiB in 15 ledgers");
}
