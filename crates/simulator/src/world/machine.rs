//! A server's life: its committer's steps, how it ends, and how it starts again.

use std::sync::Arc;

use everstrand_ledger::storage::views::ViewStore;
use everstrand_ledger::{Ledger, LedgerError, Status};
use everstrand_server::config::Storage;
use everstrand_server::{Config, Service};

use super::{Process, World};
use crate::counters::Counters;
use crate::intruder;
use crate::network::Event;
use crate::planted::PlantedSlots;
use crate::settings::LEDGER;
use crate::trace::Trace;
use crate::view::ForgetfulView;

impl World {
    pub(super) fn plan_step(&mut self, server: usize, millis: u64) {
        if !self.servers[server].step_planned {
            self.servers[server].step_planned = true;
            let delay = self.random.below(self.settings.step_delay + 1);
            self.schedule.plan(self.now + millis + delay, Event::Step(server));
        }
    }

    pub(super) fn committer_steps(&mut self, server: usize) -> Result<(), String> {
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
        // A view is built anew in a few steps, so that the end of a process seldom comes between two of them by itself.
        let is_rebuilding = self.servers[server].view.successor().is_some();
        if is_rebuilding && self.chaos.permille(self.settings.kills) {
            self.counters.count("process killed");
            self.stop_process(server, false);
            return Ok(());
        }
        self.look_at_new_blocks(server)?;
        self.poll_commands(server)?;
        match more {
            Some(millis) => self.plan_step(server, millis),
            None => match self.status(server) {
                // A journal that another server wrote to meanwhile is damaged, too, but all its records are whole.
                Some(Status::Faulted(LedgerError::Damaged(why))) if why.contains("damaged at slot") => {
                    return Err(format!(
                        "nothing in this world damages a journal, and the ledger says: {why}"
                    ));
                }
                Some(Status::Faulted(why)) => {
                    self.counters.count("ledger at fault");
                    self.trace
                        .line(self.now, format_args!("the ledger of server {server} is at fault: {why:?}"));
                    self.stop_process(server, false);
                }
                _ => self.check_acknowledged(server)?,
            },
        }
        Ok(())
    }

    pub(super) fn status(&self, server: usize) -> Option<Status> {
        self.servers[server].process.as_ref().map(|process| process.ledger.status())
    }

    /// Ends the process in order: commands under way are finished and answered.
    pub(super) fn close_process(&mut self, server: usize) -> Result<(), String> {
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
    pub(super) fn lose_power(&mut self, server: usize) {
        self.counters.count("power lost");
        self.stop_process(server, true);
    }

    /// Ends the process from one moment to the next.
    pub(super) fn stop_process(&mut self, server: usize, power_lost: bool) {
        self.find_view(server);
        let view = &self.servers[server].view;
        let kept = self.chaos.index(view.unpersisted() + 1);
        let after = view.after_crash(if power_lost { kept } else { usize::MAX });
        if power_lost {
            self.store.lose_power(&mut self.chaos);
        } else {
            self.store.kill();
        }
        // The dead process still holds the old view while it is dropped, so the next start gets another one.
        self.servers[server].view = Arc::new(after);
        drop(self.servers[server].process.take());
        let how = if power_lost { "loses power" } else { "is killed" };
        self.trace.line(self.now, format_args!("service {server} {how}"));
        self.plan_restart(server);
    }

    /// Chooses the view that the next start finds: the youngest, or an empty one if that is distrusted.
    pub(super) fn find_view(&mut self, server: usize) {
        if let Some(successor) = self.servers[server].view.successor() {
            self.counters.count("view half built");
            self.servers[server].view = successor;
        }
        if self.servers[server].view.is_distrusted() {
            self.servers[server].view = Arc::new(ForgetfulView::new(self.settings.tree_view));
        }
    }

    pub(super) fn plan_restart(&mut self, server: usize) {
        self.servers[server].restart_attempts = 0;
        self.schedule.plan(self.now + 10 + self.chaos.below(300), Event::Restart(server));
    }

    pub(super) fn restart(&mut self, server: usize) -> Result<(), String> {
        if self.servers[server].process.is_some() {
            return Ok(());
        }
        if self.chaos.permille(self.settings.foreign_views) {
            self.counters.count("view of another ledger");
            // Prefer one with as many slots as the journal, because the number alone must not make it acceptable.
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
    pub(super) fn start(&mut self, server: usize) -> Result<(), String> {
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

    pub(super) fn open(&mut self, server: usize) -> Result<Process, String> {
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
    pub(crate) fn end(mut self) -> Result<(Counters, Trace), String> {
        if self.store.is_without_power() {
            // The power was cut while no process ran that would have noticed.
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
