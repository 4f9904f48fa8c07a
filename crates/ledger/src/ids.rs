//! Unique ids: the only door through which chance comes into a ledger, and seeded ids for tests.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_journal::UniqueId;

use crate::clock::Clock;

/// Gives ids to strands, tables, documents, transactions, sessions and page tokens.
pub trait Ids: Send + Sync {
    /// An id that nobody else has.
    fn next(&self) -> UniqueId;
}

/// Ids in the form of QLDB's: 8 random bits, 42 bits of seconds, then 14 and 64 random bits.
pub struct RandomIds {
    clock: Arc<dyn Clock>,
}

impl RandomIds {
    /// Ids that carry the time of this clock.
    pub fn new(clock: Arc<dyn Clock>) -> RandomIds {
        RandomIds { clock }
    }
}

/// Random bytes that a thread has asked the operating system for and not used yet. An id needs 16, and asking for them one by one is a
/// noticeable part of a short command.
struct Unused {
    bytes: [u8; 512],
    used: usize,
}

thread_local! {
    static UNUSED: RefCell<Unused> = const { RefCell::new(Unused { bytes: [0; 512], used: 512 }) };
}

fn random_bytes() -> [u8; 16] {
    UNUSED.with_borrow_mut(|unused| {
        if unused.used == unused.bytes.len() {
            getrandom::fill(&mut unused.bytes).expect("the operating system has random numbers");
            unused.used = 0;
        }
        let next = &mut unused.bytes[unused.used..][..16];
        unused.used += next.len();
        let taken = (&*next).try_into().expect("16 bytes");
        // An id may be the token of a session. It does not stay in this memory.
        next.fill(0);
        taken
    })
}

impl Ids for RandomIds {
    fn next(&self) -> UniqueId {
        let mut bytes = random_bytes();
        let seconds = u64::try_from(self.clock.unix_millis() / 1000).unwrap_or(0) & ((1 << 42) - 1);
        let high = u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"));
        let high = (high & !(((1 << 42) - 1) << 14)) | (seconds << 14);
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        UniqueId::from_bytes(bytes)
    }
}

/// Ids that follow from a seed: the same seed gives the same ids in the same order.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    given: AtomicU64,
}

impl SeededIds {
    /// The ids of this seed, from the first on.
    pub fn new(seed: u64) -> SeededIds {
        SeededIds { seed, given: AtomicU64::new(0) }
    }
}

impl Ids for SeededIds {
    fn next(&self) -> UniqueId {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&mix(self.seed ^ mix(number)).to_be_bytes());
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        UniqueId::from_bytes(bytes)
    }
}

/// The finisher of SplitMix64: a bijection, so distinct numbers stay distinct.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
