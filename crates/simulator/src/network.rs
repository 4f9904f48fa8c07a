//! The network between clients and the service. Messages get lost, come twice, or come late.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use everstrand_protocol::{Reply, SendCommandRequest, ServiceError};
use everstrand_testkit::Random;

use crate::settings::Settings;

/// Something that will happen.
pub(crate) enum Event {
    /// A client looks what to do next.
    Client(usize),
    /// A client stops waiting for the answer to a request.
    GiveUp { client: usize, request: u64 },
    /// A request reaches the service.
    Request { client: usize, request: u64, command: SendCommandRequest },
    /// An answer reaches its client.
    Answer { client: usize, request: u64, answer: Box<Result<Reply, ServiceError>> },
    /// The committer of a server does its next step.
    Step(usize),
    /// The service clears away what has expired.
    Sweep,
    /// Trouble happens, perhaps.
    Chaos,
    /// A server's service starts again.
    Restart(usize),
    /// The ledger is compared with the model and with a ledger rebuilt from its journal.
    Inspection,
}

/// Planned events, in order of time. Events of one time keep the order in which they were planned.
#[derive(Default)]
pub(crate) struct Schedule {
    events: BinaryHeap<Reverse<Planned>>,
    planned: u64,
}

struct Planned {
    at: u64,
    number: u64,
    event: Event,
}

impl Schedule {
    /// Plans something.
    pub(crate) fn plan(&mut self, at: u64, event: Event) {
        self.events.push(Reverse(Planned { at, number: self.planned, event }));
        self.planned += 1;
    }

    /// What happens next, and when.
    pub(crate) fn next(&mut self) -> Option<(u64, Event)> {
        self.events.pop().map(|Reverse(Planned { at, event, .. })| (at, event))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Planned) -> bool {
        self.number == other.number
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Planned) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Planned) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// When the copies of a message arrive: none when it is lost, several when it is repeated.
pub(crate) fn arrivals(random: &mut Random, settings: &Settings, now: u64) -> Vec<u64> {
    let delay = |random: &mut Random| {
        let usual = now + random.below(settings.delay + 1);
        let late = random.permille(settings.late);
        if late { usual + random.below(2000) } else { usual }
    };
    let mut arrivals = Vec::new();
    if !random.permille(settings.lost) {
        arrivals.push(delay(random));
    }
    if random.permille(settings.repeated) {
        let again = delay(random) + random.below(500);
        arrivals.push(again);
    }
    arrivals
}
