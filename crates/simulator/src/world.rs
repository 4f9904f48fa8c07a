//! One world under one seed: what happens next. What must hold after it stands in `inspect`.

mod inspect;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::storage::views::ViewStore;
use everstrand_ledger::{Clock, Environment, Ledger, ManualClock, SeededIds, Status};
use everstrand_protocol::{Command, Reply, SendCommandRequest, ServiceError, SessionToken};
use everstrand_server::config::Storage;
use everstrand_server::{Config, Service};
use everstrand_testkit::Random;

use crate::checker::Checker;
use crate::client::{Client, Move, PATIENCE_MILLIS};
use crate::counters::Counters;
use crate::intruder;
use crate::network::{Event, Schedule, arrivals};
use crate::operation::{self, So};
use crate::panics;
use crate::planted::{self, PlantedClock, PlantedSlots};
use crate::settings::Settings;
use crate::store::JournalStore;
use crate::trace::{Lines, Trace};
use crate::value::Kind;
use crate::view::ForgetfulView;

/// The name by which clients know the ledger.
pub(crate) const LEDGER: &str = "simulated";
/// How long a transaction lives here.
pub(crate) const TRANSACTION_MILLIS: u64 = 3000;
/// How long a session lives here.
pub(crate) const SESSION_MILLIS: u64 = 20_000;
/// 2020-01-01T00:00Z.
const BEGINNING: i64 = 1_577_836_800_000;

/// What was seen in a world where all was well.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How often what happened.
    pub counters: Counters,
    /// A number that stands for everything that happened, in its order.
    pub trace: u64,
    /// Everything that happened, in its order, where it was kept.
    pub lines: Vec<String>,
}

/// The first thing that must not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// After how many steps.
    pub step: u64,
    /// What it was.
    pub why: String,
}

/// Lets the world of a seed live for some steps. The same seed and number of steps always give the same.
pub fn run(seed: u64, steps: u64, lines: Lines) -> Result<Report, Failure> {
    let mut step = 0;
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, lines)?;
        while step < steps {
            step += 1;
            world.step()?;
        }
        world.end()
    }));
    let why = match lived {
        Ok(Ok((counters, trace))) => {
            let hash = trace.hash();
            return Ok(Report { seed, counters, trace: hash, lines: trace.into_lines() });
        }
        Ok(Err(why)) => why,
        Err(panic) => format!("panicked{}: {}", panics::place(), panics::message(&*panic)),
    };
    Err(Failure { seed, step, why })
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, step, why } = self;
        writeln!(formatter, "seed {seed}, step {step}: {why}")?;
        write!(
            formatter,
            "replay: cargo run --release -p everstrand-simulator -- --seed {seed} --steps {step} --trace"
        )
    }
}

struct World {
    settings: Settings,
    random: Random,
    chaos: Random,
    now: u64,
    clock: Arc<ManualClock>,
    environment: Environment,
    schedule: Schedule,
    store: JournalStore,
    /// One, or two on one journal; each client knows one of them.
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
    /// Commands that are not answered yet, in order of arrival. They go first.
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
    fn new(seed: u64, lines: Lines) -> Result<World, String> {
        let mut random = Random::new(seed);
        let settings = Settings::new(&mut random);
        let clock = Arc::new(ManualClock::new(BEGINNING));
        let planted_clock = Arc::new(PlantedClock(clock.clone()));
        let environment = Environment { clock: planted_clock, ids: Arc::new(SeededIds::new(random.next())) };
        let foreign_views = intruder::foreign_views(&environment, &settings, &mut random.split())?;
        let mut world = World {
            chaos: random.split(),
            store: JournalStore::new(&settings),
            checker: Checker::new(settings.servers),
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
        let Settings { kind, servers, tree_view, unique, .. } = world.settings;
        let kinds = [
            (servers > 1, "two servers on one journal"),
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
        for definition in operation::first_definitions(&mut random, &self.settings) {
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
    fn step(&mut self) -> Result<(), String> {
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
                self.inspect(server)?;
                self.schedule.plan(self.now + 500 + self.chaos.below(2000), Event::Inspection);
            }
        }
        Ok(())
    }

    fn client_moves(&mut self, client: usize) -> Result<(), String> {
        if self.clients[client].is_waiting() {
            return Ok(());
        }
        match self.clients[client].next(&self.settings, &mut self.checker, &mut self.counters)? {
            Move::Rest { millis } => self.schedule.plan(self.now + millis, Event::Client(client)),
            Move::Send { request, command } => self.send(client, request, command),
        }
        Ok(())
    }

    fn send(&mut self, client: usize, request: u64, command: SendCommandRequest) {
        self.trace.line(self.now, format_args!("client {client} sends {request}: {}", shown(&command)));
        let arrivals = arrivals(&mut self.random, &self.settings, self.now);
        match arrivals.len() {
            0 => self.counters.count("request lost"),
            1 => {}
            _ => {
                self.counters.count("request repeated");
                self.clients[client].note_repeated(request, &mut self.checker);
            }
        }
        for at in arrivals {
            self.schedule.plan(at, Event::Request { client, request, command: command.clone() });
        }
        self.schedule.plan(self.now + PATIENCE_MILLIS, Event::GiveUp { client, request });
    }

    fn request_arrives(
        &mut self,
        client: usize,
        request: u64,
        command: SendCommandRequest,
    ) -> Result<(), String> {
        let server = self.server_of(client);
        let Some(process) = &mut self.servers[server].process else {
            self.counters.count("request to a service that is down");
            return Ok(());
        };
        let transaction = match &command.command {
            Command::ExecuteStatement { transaction_id, .. }
            | Command::FetchPage { transaction_id, .. }
            | Command::CommitTransaction { transaction_id, .. } => Some(transaction_id.clone()),
            _ => None,
        };
        let service = Arc::clone(&process.service);
        let said = command.clone();
        let open = command.session_token.as_ref().and_then(|token| self.open.get(token));
        let command = planted::command(command, open);
        let future = Box::pin(async move { service.send_command(command).await });
        process.in_flight.push(InFlight { client, request, said, transaction, arrived: self.now, future });
        self.poll_commands(server)?;
        self.plan_step(server, 0);
        Ok(())
    }

    /// The server that a client talks to.
    fn server_of(&self, client: usize) -> usize {
        client % self.servers.len()
    }

    /// Lets every command that can go on do so, until none can.
    fn poll_commands(&mut self, server: usize) -> Result<(), String> {
        let mut context = Context::from_waker(Waker::noop());
        let mut next = 0;
        while let Some(process) = &mut self.servers[server].process
            && let Some(command) = process.in_flight.get_mut(next)
        {
            let Poll::Ready(answer) = command.future.as_mut().poll(&mut context) else {
                next += 1;
                continue;
            };
            let command = process.in_flight.remove(next);
            // One that was answered may have made room for any other.
            next = 0;
            if self.store.is_without_power() {
                self.lose_power(server);
                return Ok(());
            }
            self.answer(&command, answer)?;
        }
        Ok(())
    }

    /// Sends an answer on its way.
    fn answer(&mut self, command: &InFlight, answer: Result<Reply, ServiceError>) -> Result<(), String> {
        let InFlight { client, request, said, transaction, arrived, .. } = command;
        let answer = planted::answer(&said.command, answer);
        match &answer {
            Ok(Reply::StartTransaction(result)) => {
                self.began.insert(result.transaction_id.clone(), self.now);
                self.open
                    .extend(said.session_token.clone().map(|token| (token, result.transaction_id.clone())));
            }
            Ok(_) => {
                let began = transaction.as_ref().and_then(|id| self.began.get(id));
                if began.is_some_and(|began| *arrived >= began + TRANSACTION_MILLIS) {
                    return Err(format!("a transaction that had expired was served: {answer:?}"));
                }
            }
            Err(_) => {}
        }
        self.trace
            .line(self.now, format_args!("service answers client {client} {request}: {}", answered(&answer)));
        let arrivals = arrivals(&mut self.random, &self.settings, self.now);
        if arrivals.is_empty() {
            self.counters.count("answer lost");
        }
        for at in arrivals {
            let answer = Box::new(answer.clone());
            self.schedule.plan(at, Event::Answer { client: *client, request: *request, answer });
        }
        Ok(())
    }

    fn answer_arrives(
        &mut self,
        client: usize,
        request: u64,
        answer: Result<Reply, ServiceError>,
    ) -> Result<(), String> {
        let World { clients, settings, checker, counters, .. } = self;
        let awaited = clients[client].answer(request, answer, settings, checker, counters)?;
        let server = self.server_of(client);
        if self.checker.is_unsettled(server) {
            self.check_acknowledged(server)?;
        }
        if awaited {
            let pause = if self.random.permille(100) { self.random.below(200) } else { self.random.below(3) };
            self.schedule.plan(self.now + pause, Event::Client(client));
        }
        Ok(())
    }

    fn plan_step(&mut self, server: usize, millis: u64) {
        if !self.servers[server].step_planned {
            self.servers[server].step_planned = true;
            let delay = self.random.below(self.settings.step_delay + 1);
            self.schedule.plan(self.now + millis + delay, Event::Step(server));
        }
    }

    fn committer_steps(&mut self, server: usize) -> Result<(), String> {
        self.servers[server].step_planned = false;
        let Some(process) = &self.servers[server].process else { return Ok(()) };
        let more = process.ledger.step();
        if self.servers[server].view.is_discarded()
            && let Some(successor) = self.servers[server].view.successor()
        {
            self.counters.count("view built anew beside");
            self.trace.line(self.now, format_args!("another view takes the place of the one that failed"));
            self.servers[server].view = successor;
        }
        if self.store.is_without_power() {
            self.lose_power(server);
            return Ok(());
        }
        self.look_at_new_blocks(server)?;
        self.poll_commands(server)?;
        match more {
            Some(millis) => self.plan_step(server, millis),
            None if matches!(self.status(server), Some(Status::Faulted(_))) => {
                self.counters.count("ledger at fault");
                let status = self.status(server);
                self.trace
                    .line(self.now, format_args!("the ledger of server {server} is at fault: {status:?}"));
                self.stop_process(server, false);
            }
            None => self.check_acknowledged(server)?,
        }
        Ok(())
    }

    fn status(&self, server: usize) -> Option<Status> {
        self.servers[server].process.as_ref().map(|process| process.ledger.status())
    }

    fn something_bad(&mut self) -> Result<(), String> {
        let pause = self.settings.chaos_millis / 2 + self.chaos.below(self.settings.chaos_millis + 1);
        self.schedule.plan(self.now + pause, Event::Chaos);
        if self.chaos.permille(self.settings.power_cuts) && self.store.plan_power_cut(&mut self.chaos) {
            self.trace.line(self.now, format_args!("the power will be cut"));
        }
        if self.chaos.permille(self.settings.faults)
            && let Some(fault) = self.store.plan_fault(&mut self.chaos)
        {
            self.counters.count("disk fault planned");
            self.trace.line(self.now, format_args!("a call of the disk will fail: {fault:?}"));
        }
        if self.chaos.permille(self.settings.clock_jumps) {
            let year = 366 * 86_400_000;
            let jump = self.chaos.between(-year, year);
            self.clock.set_unix_millis(self.clock.unix_millis() + jump);
            self.counters.count("clock jump");
            self.trace.line(self.now, format_args!("the wall clock jumps by {jump} ms"));
        }
        if self.chaos.permille(self.settings.view_faults) {
            let view = &self.servers[self.chaos.index(self.servers.len())].view;
            // What is being built may fail as well.
            let successor = view.successor().filter(|_| self.chaos.permille(500));
            successor.unwrap_or_else(|| Arc::clone(view)).fail_next();
            self.counters.count("view fault planned");
        }
        if self.chaos.permille(self.settings.intruders) {
            self.intrude()?;
        }
        let server = self.chaos.index(self.servers.len());
        if self.servers[server].process.is_some() && self.chaos.permille(self.settings.kills) {
            if self.chaos.permille(400) {
                self.close_process(server)?;
            } else {
                self.counters.count("process killed");
                self.stop_process(server, false);
            }
        }
        Ok(())
    }

    /// Another process writes to the same journal.
    fn intrude(&mut self) -> Result<(), String> {
        let Some(slots) = self.store.open_second() else { return Ok(()) };
        let view = Arc::new(MemoryView::new());
        let options = intruder::ledger_options(&self.settings);
        let ledger = Ledger::open(slots, view, self.environment.clone(), options)
            .map_err(|error| format!("the journal cannot be opened a second time: {error}"))?;
        let known = self.checker.model();
        let so = So { has_written: true, after: 0 };
        let first = operation::random(&mut self.chaos, &self.settings, &known, so);
        let second = operation::random(&mut self.chaos, &self.settings, &known, so);
        let operations = if first.must_be_last() { vec![first] } else { vec![first, second] };
        if intruder::commit(&ledger, operations, &mut self.checker, None)? {
            self.counters.count("commit of another process");
        }
        self.trace.line(self.now, format_args!("another process wrote"));
        Ok(())
    }

    /// The process ends in order: what was under way is finished and answered.
    fn close_process(&mut self, server: usize) -> Result<(), String> {
        self.trace.line(self.now, format_args!("service {server} is closed"));
        self.counters.count("service closed");
        if let Some(process) = &self.servers[server].process {
            process.service.close();
        }
        if self.store.is_without_power() {
            self.lose_power(server);
            return Ok(());
        }
        self.poll_commands(server)?;
        if self.servers[server].process.take().is_some() {
            self.find_view(server);
            self.plan_restart(server);
        }
        Ok(())
    }

    /// The machine loses power.
    fn lose_power(&mut self, server: usize) {
        self.counters.count("power lost");
        self.stop_process(server, true);
    }

    /// The process is gone from one moment to the next.
    fn stop_process(&mut self, server: usize, power_lost: bool) {
        self.find_view(server);
        let view = &self.servers[server].view;
        let kept = self.chaos.index(view.unpersisted() + 1);
        let after = view.after_crash(if power_lost { kept } else { usize::MAX });
        if power_lost {
            self.store.lose_power(&mut self.chaos);
        } else {
            self.store.kill();
        }
        // Whatever the dead process still does as it is taken apart reaches only what it held.
        self.servers[server].view = Arc::new(after);
        drop(self.servers[server].process.take());
        let how = if power_lost { "loses power" } else { "is killed" };
        self.trace.line(self.now, format_args!("service {server} {how}"));
        self.plan_restart(server);
    }

    /// The view that the next start finds: the youngest, and an empty one where that was distrusted.
    fn find_view(&mut self, server: usize) {
        if let Some(successor) = self.servers[server].view.successor() {
            self.counters.count("view half built");
            self.servers[server].view = successor;
        }
        if self.servers[server].view.is_distrusted() {
            self.servers[server].view = Arc::new(ForgetfulView::new(self.settings.tree_view));
        }
    }

    fn plan_restart(&mut self, server: usize) {
        self.servers[server].restart_attempts = 0;
        self.schedule.plan(self.now + 10 + self.chaos.below(300), Event::Restart(server));
    }

    fn restart(&mut self, server: usize) -> Result<(), String> {
        if self.servers[server].process.is_some() {
            return Ok(());
        }
        if self.chaos.permille(self.settings.foreign_views) {
            self.counters.count("view of another ledger");
            // Rather one that holds as many slots as the journal has: the number alone must not do.
            let slot_of = |view: &dyn ViewStore| view.applied().ok().flatten().map(|applied| applied.slot);
            let slot = slot_of(&*self.servers[server].view);
            let alike = self.foreign_views.iter().find(|view| slot_of(*view) == slot);
            let foreign = alike.unwrap_or_else(|| self.chaos.pick(&self.foreign_views));
            self.servers[server].view = Arc::new(ForgetfulView::copy_of(foreign, self.settings.tree_view));
        } else if self.chaos.permille(150) {
            self.counters.count("view wiped");
            self.servers[server].view = Arc::new(ForgetfulView::new(self.settings.tree_view));
        }
        self.start(server)
    }

    /// Starts the service. Where the store fails at the moment, it is tried again later.
    fn start(&mut self, server: usize) -> Result<(), String> {
        match self.open(server) {
            Ok(process) => {
                self.trace.line(self.now, format_args!("service {server} starts"));
                self.counters.count("start");
                self.servers[server].process = Some(process);
                self.store.note_open();
                self.check_what_was_known(server)?;
                self.look_at_new_blocks(server)?;
                self.check_acknowledged(server)?;
                self.plan_step(server, 0);
            }
            Err(_) if self.store.is_without_power() => {
                self.counters.count("power lost while starting");
                self.store.lose_power(&mut self.chaos);
                self.schedule.plan(self.now + 50, Event::Restart(server));
            }
            Err(why) if self.servers[server].restart_attempts < 20 => {
                self.trace.line(self.now, format_args!("service {server} does not start: {why}"));
                self.counters.count("start failed");
                self.servers[server].restart_attempts += 1;
                self.store.kill();
                if self.servers[server].restart_attempts > 10 {
                    self.store.heal();
                }
                self.schedule.plan(self.now + 50, Event::Restart(server));
            }
            Err(why) => return Err(format!("the ledger cannot be opened any more: {why}")),
        }
        Ok(())
    }

    fn open(&mut self, server: usize) -> Result<Process, String> {
        let slots = self.store.open(&mut self.chaos).map_err(|error| error.to_string())?;
        let slots = PlantedSlots::over(slots);
        let options = intruder::ledger_options(&self.settings);
        let config = Config { limits: options.limits.clone(), ..Config::new(Storage::Memory) };
        let ledger =
            Ledger::open(slots, self.servers[server].view.clone(), self.environment.clone(), options)
                .map_err(|error| error.to_string())?;
        let service = Service::open_in(config, self.environment.clone())?;
        service.serve_ledger(LEDGER, ledger.clone()).map_err(|error| error.to_string())?;
        Ok(Process { in_flight: Vec::new(), service: Arc::new(service), ledger })
    }

    /// Heals everything, starts once more and looks at what is left.
    fn end(mut self) -> Result<(Counters, Trace), String> {
        if self.store.is_without_power() {
            // It was cut when no process ran that would have noticed.
            self.store.lose_power(&mut self.chaos);
        }
        self.store.heal();
        for server in 0..self.servers.len() {
            if self.servers[server].process.is_some() {
                self.stop_process(server, true);
            }
            self.servers[server].restart_attempts = 0;
            self.servers[server].step_planned = false;
        }
        self.start(0)?;
        if self.servers[0].process.is_none() {
            return Err("the ledger cannot be opened at the end".to_owned());
        }
        self.inspect(0)?;
        self.checker.finish()?;
        Ok((self.counters, self.trace))
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

/// A request on one line.
fn shown(request: &SendCommandRequest) -> String {
    match &request.command {
        Command::ExecuteStatement { transaction_id, statement, .. } => {
            format!("{} {transaction_id} {statement}", request.command.name())
        }
        Command::FetchPage { transaction_id, .. } | Command::CommitTransaction { transaction_id, .. } => {
            format!("{} {transaction_id}", request.command.name())
        }
        command => command.name().to_owned(),
    }
}

/// An answer on one line.
fn answered(answer: &Result<Reply, ServiceError>) -> String {
    match answer {
        Ok(Reply::StartTransaction(result)) => format!("transaction {}", result.transaction_id),
        Ok(Reply::ExecuteStatement(result)) => format!("{} values", result.first_page.values.len()),
        Ok(Reply::FetchPage(result)) => format!("{} values", result.page.values.len()),
        Ok(reply) => reply.name().to_owned(),
        Err(error) => error.to_string(),
    }
}
