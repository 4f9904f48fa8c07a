//! One world under one seed: which event happens next. The checks after it are in `inspect`.

mod commands;
mod inspect;
mod machine;
mod trouble;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::{Environment, Ledger, ManualClock, SeededIds};
use everstrand_protocol::{Reply, SendCommandRequest, ServiceError, SessionToken};
use everstrand_server::Service;
use everstrand_testkit::Random;

use crate::chance;
use crate::checker::Checker;
use crate::client::{Client, Move};
use crate::counters::Counters;
use crate::intruder;
use crate::network::{Event, Schedule};
use crate::planted::PlantedClock;
use crate::settings::{BEGINNING, Settings};
use crate::store::JournalStore;
use crate::trace::{Lines, Trace};
use crate::value::Kind;
use crate::view::ForgetfulView;

/// A world: servers, clients, the journal's store, the checker, and the schedule of events.
pub(crate) struct World {
    settings: Settings,
    random: Random,
    chaos: Random,
    now: u64,
    clock: Arc<ManualClock>,
    environment: Environment,
    schedule: Schedule,
    store: JournalStore,
    /// One server, or two on one journal. Each client knows one of them.
    servers: Vec<Server>,
    foreign_views: Vec<MemoryView>,
    clients: Vec<Client>,
    checker: Checker,
    /// When the service began which transaction.
    began: BTreeMap<String, u64>,
    /// Which transaction the service began last in which session.
    open: HashMap<SessionToken, String>,
    counters: Counters,
    trace: Trace,
}

/// A machine with a service on it, while it runs.
struct Server {
    view: Arc<ForgetfulView>,
    process: Option<Process>,
    /// Whether the committer has a step planned.
    step_planned: bool,
    restart_attempts: u32,
}

/// The running service.
struct Process {
    /// Commands that are not answered yet, in order of arrival. Declared first, so that they are dropped first.
    in_flight: Vec<InFlight>,
    service: Arc<Service>,
    ledger: Ledger,
}

struct InFlight {
    client: usize,
    request: u64,
    said: SendCommandRequest,
    /// The transaction in which something is to happen.
    transaction: Option<String>,
    arrived: u64,
    future: Pin<Box<dyn Future<Output = Result<Reply, ServiceError>>>>,
}

impl World {
    pub(crate) fn new(seed: u64, lines: Lines) -> Result<World, String> {
        let mut random = Random::new(seed);
        let settings = Settings::of_seed(seed, &mut random);
        let clock = Arc::new(ManualClock::new(BEGINNING));
        let planted_clock = Arc::new(PlantedClock(clock.clone()));
        let environment = Environment { clock: planted_clock, ids: Arc::new(SeededIds::new(random.next())) };
        let foreign_views = intruder::foreign_views(&environment, &settings, &mut random.split())?;
        let mut world = World {
            chaos: random.split(),
            store: JournalStore::new(&settings)?,
            checker: Checker::new(),
            servers: (0..settings.servers).map(|_| Server::new(settings.tree_view)).collect(),
            foreign_views,
            clients: clients(&settings, &mut random),
            random,
            settings,
            now: 0,
            clock,
            environment,
            schedule: Schedule::default(),
            began: BTreeMap::new(),
            open: HashMap::new(),
            counters: Counters::default(),
            trace: Trace::new(lines),
        };
        world.trace.line(0, format_args!("seed {seed} {:?}", world.settings));
        let Settings { kind, servers, sealed, tree_view, unique, .. } = world.settings;
        let kinds = [
            (servers > 1, "two servers on one journal"),
            (sealed, "encrypted journal"),
            (tree_view, "view in a B-tree"),
            (unique, "unique indexes"),
            (kind == Kind::Number, "keys: numbers"),
            (kind == Kind::Text, "keys: texts"),
            (kind == Kind::Long, "keys: long texts"),
            (kind == Kind::Time, "keys: times"),
            (kind == Kind::Nested, "keys: lists"),
        ];
        kinds.into_iter().filter(|(is, _)| *is).for_each(|(_, name)| world.counters.count(name));
        world.begin()?;
        Ok(world)
    }

    /// Opens the new ledger, defines its tables and lets the clients loose.
    fn begin(&mut self) -> Result<(), String> {
        self.start(0)?;
        let mut random = self.random.split();
        for definition in chance::first_definitions(&mut random, &self.settings) {
            let Some(process) = &self.servers[0].process else { break };
            intruder::commit(&process.ledger, vec![definition], &mut self.checker, Some(0))?;
            self.look_at_new_blocks(0)?;
        }
        for server in 1..self.servers.len() {
            self.start(server)?;
        }
        for client in 0..self.clients.len() {
            self.schedule.plan(self.random.below(20), Event::Client(client));
        }
        self.schedule.plan(500, Event::Sweep);
        self.schedule.plan(self.settings.chaos_millis, Event::Chaos);
        self.schedule.plan(700, Event::Inspection);
        Ok(())
    }

    /// Lets the next thing happen, and checks what must always hold.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        let Some((at, event)) = self.schedule.next() else { return Ok(()) };
        if at > self.now {
            self.clock.advance(u32::try_from(at - self.now).map_err(|error| error.to_string())?);
            self.now = at;
        }
        match event {
            Event::Client(client) => self.client_moves(client)?,
            Event::GiveUp { client, request } => {
                if let Some(Move::Send { request, command }) =
                    self.clients[client].give_up(request, &mut self.checker)?
                {
                    self.send(client, request, command);
                } else if !self.clients[client].is_waiting() {
                    self.schedule.plan(self.now + 1, Event::Client(client));
                }
            }
            Event::Request { client, request, command } => self.request_arrives(client, request, command)?,
            Event::Answer { client, request, answer } => self.answer_arrives(client, request, *answer)?,
            Event::Step(server) => self.committer_steps(server)?,
            Event::Sweep => {
                for server in 0..self.servers.len() {
                    if let Some(process) = &self.servers[server].process {
                        process.service.sweep();
                    }
                    self.plan_step(server, 0);
                }
                self.schedule.plan(self.now + 1000, Event::Sweep);
            }
            Event::Chaos => self.something_bad()?,
            Event::Restart(server) => self.restart(server)?,
            Event::Inspection => {
                let server = self.chaos.index(self.servers.len());
                self.ask_for_an_outcome(server)?;
                self.inspect(server)?;
                self.schedule.plan(self.now + 500 + self.chaos.below(2000), Event::Inspection);
            }
        }
        Ok(())
    }
}

fn clients(settings: &Settings, random: &mut Random) -> Vec<Client> {
    (0..settings.servers)
        .cycle()
        .zip(0..settings.clients)
        .map(|(server, _)| Client::new(random.split(), server))
        .collect()
}

impl Server {
    fn new(tree_view: bool) -> Server {
        let view = Arc::new(ForgetfulView::new(tree_view));
        Server { view, process: None, step_planned: false, restart_attempts: 0 }
    }
}
