//! What goes wrong in a world, by chance: power, disk, clock, view, other processes.

use std::sync::Arc;

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::{Clock, Ledger};

use super::World;
use crate::chance::{self, SoFar};
use crate::intruder;
use crate::network::Event;

impl World {
    pub(super) fn something_bad(&mut self) -> Result<(), String> {
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
            // A view that is being built may fail as well.
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
    pub(super) fn intrude(&mut self) -> Result<(), String> {
        let Some(slots) = self.store.open_second() else { return Ok(()) };
        let view = Arc::new(MemoryView::new());
        let options = intruder::ledger_options(&self.settings);
        let ledger = Ledger::open(slots, view, self.environment.clone(), options)
            .map_err(|error| format!("the journal cannot be opened a second time: {error}"))?;
        let known = self.checker.model();
        let so_far = SoFar { has_written: true, after: 0 };
        let first = chance::random(&mut self.chaos, &self.settings, &known, so_far);
        let second = chance::random(&mut self.chaos, &self.settings, &known, so_far);
        let operations = if first.must_be_last() { vec![first] } else { vec![first, second] };
        if intruder::commit(&ledger, operations, &mut self.checker, None)? {
            self.counters.count("commit of another process");
        }
        self.trace.line(self.now, format_args!("another process wrote"));
        Ok(())
    }
}
