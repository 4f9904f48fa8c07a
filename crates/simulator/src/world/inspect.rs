//! The checks after every new block, after a start, and at inspections.

use std::sync::Arc;

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::{Ledger, Outcome, Status};

use super::World;
use crate::chance::{self, SoFar};
use crate::intruder;
use crate::model::{Answer, Heard};
use crate::operation::{Filter, Operation};
use crate::value::Key;
use crate::view::index_entries;

impl World {
    /// Whatever was acknowledged is in the journal, once the committer has nothing under way.
    pub(super) fn check_acknowledged(&mut self, server: usize) -> Result<(), String> {
        if self.servers[server].process.is_some()
            && !self.servers[server].step_planned
            && self.status(server) == Some(Status::Open)
        {
            self.look_at_new_blocks(server)?;
            if self.servers[server].process.is_some() {
                self.checker.settle(Some(server))?;
            }
        }
        Ok(())
    }

    /// Follows the journal as far as the ledger shows it.
    pub(super) fn look_at_new_blocks(&mut self, server: usize) -> Result<(), String> {
        let Some(process) = &self.servers[server].process else { return Ok(()) };
        let digest = process.ledger.digest();
        let tip = digest.digest_tip_address.sequence_no;
        let (mut seen, mut failed) = (0, 0);
        while self.checker.next_block() <= tip {
            match process.ledger.block(self.checker.next_block()) {
                Ok(Some(block)) => self.checker.block(block.own().ok_or("a block of another ledger")?)?,
                Ok(None) => return Err(format!("block {} is not there", self.checker.next_block())),
                Err(_) if self.store.is_without_power() => {
                    self.lose_power(server);
                    return Ok(());
                }
                // A planned fault hit this call. The next call meets another fault or none.
                Err(_) if failed < 100 => {
                    failed += 1;
                    continue;
                }
                Err(error) => {
                    return Err(format!("block {} cannot be read: {error}", self.checker.next_block()));
                }
            }
            self.counters.count("block");
            seen += 1;
        }
        if self.checker.digest_at(tip) != Some(digest) {
            return Err("the ledger's digest is not that of its blocks".to_owned());
        }
        if seen > 0 {
            self.trace.line(self.now, format_args!("journal up to block {tip}"));
            self.probe(server)?;
        }
        Ok(())
    }

    /// Runs random queries on the ledger's last state, without a client.
    fn probe(&mut self, server: usize) -> Result<(), String> {
        let Some(process) = &self.servers[server].process else { return Ok(()) };
        let model = self.checker.model();
        let Ok(mut transaction) = process.ledger.start_transaction() else { return Ok(()) };
        let so_far = SoFar { has_written: false, after: self.checker.next_block().saturating_sub(1) };
        for _ in 0..2 {
            let operation = chance::random(&mut self.chaos, &self.settings, &model, so_far);
            if !operation.only_reads() {
                continue;
            }
            let Ok(answer) = intruder::ask(&mut transaction, &operation) else { return Ok(()) };
            model.run(&[Heard { operation, answer }]).map(drop)?;
            self.counters.count("probe");
        }
        Ok(())
    }

    /// After a start: what was shown to anybody before is still there.
    pub(super) fn check_what_was_known(&mut self, server: usize) -> Result<(), String> {
        let (Some(process), Some(last)) =
            (&self.servers[server].process, self.checker.next_block().checked_sub(1))
        else {
            return Ok(());
        };
        let tip = process.ledger.digest().digest_tip_address.sequence_no;
        if tip < last {
            return Err(format!(
                "the journal ends at block {tip} after a start, and block {last} was shown before"
            ));
        }
        match process.ledger.block(last) {
            Ok(Some(block)) if Some(block.hash()) == self.checker.last_hash() => Ok(()),
            Ok(_) => Err(format!("block {last} is another after a start")),
            Err(_) => Ok(()),
        }
    }

    /// Asks a server what became of a transaction of any server's client.
    pub(super) fn ask_for_an_outcome(&mut self, server: usize) -> Result<(), String> {
        let number = self.chaos.index(1000);
        let Some(process) = &self.servers[server].process else { return Ok(()) };
        let Some(id) = self.checker.undecided(number) else { return Ok(()) };
        let parsed = id.parse().map_err(|_| format!("{id} is no id"))?;
        let ledger = process.ledger.clone();
        let answer = intruder::drive(&ledger, ledger.outcome(parsed));
        if self.store.is_without_power() {
            self.lose_power(server);
            return Ok(());
        }
        self.look_at_new_blocks(server)?;
        match answer {
            Ok(outcome) if self.servers[server].process.is_some() => {
                self.counters.count(match outcome {
                    Outcome::Committed { .. } => "outcome: committed",
                    Outcome::Never => "outcome: never",
                });
                self.checker.told(&id, outcome)
            }
            _ => Ok(()),
        }
    }

    /// Rebuilds the ledger from a copy of its journal alone, and compares everything.
    pub(super) fn inspect(&mut self, server: usize) -> Result<(), String> {
        let Some(process) = &self.servers[server].process else { return Ok(()) };
        self.counters.count("inspection");
        let digest = process.ledger.digest();
        let live = process.ledger.clone();
        self.compare_content(&live)?;
        let clear = self.store.clear_slot().map_err(|error| format!("a copy of the journal: {error}"))?;
        if let Some(slot) = clear {
            return Err(format!("slot {slot} of the encrypted journal lies in clear"));
        }
        let slots = self.store.open_copy().map_err(|error| format!("a copy of the journal: {error}"))?;
        let options = intruder::ledger_options(&self.settings);
        let view = Arc::new(MemoryView::new());
        let rebuilt = Ledger::open(slots, view.clone(), self.environment.clone(), options)
            .map_err(|error| format!("a copy of the journal: {error}"))?;
        let tip = digest.digest_tip_address.sequence_no;
        if rebuilt.digest_at(tip).ok().as_ref() != Some(&digest) {
            return Err(format!("rebuilt from its journal, the ledger has another digest at block {tip}"));
        }
        if rebuilt.digest() == digest {
            while rebuilt.step().is_some() {}
            self.compare_content(&rebuilt).map_err(|why| format!("rebuilt: {why}"))?;
            let (entries, expected) = (index_entries(&*view), self.checker.model().index_entries());
            if entries != expected && Some(digest) == self.checker.digest() {
                return Err(format!(
                    "rebuilt: its indexes have {entries} entries, and should have {expected}"
                ));
            }
        }
        Ok(())
    }

    /// Compares all that a ledger holds with the model.
    fn compare_content(&self, ledger: &Ledger) -> Result<(), String> {
        let model = self.checker.model();
        if Some(ledger.digest()) != self.checker.digest() {
            return Ok(());
        }
        let mut operations = vec![Operation::Tables];
        for table in model.active_tables() {
            operations.push(Operation::Committed { table, filter: Filter::All });
            operations.push(Operation::History { table });
            operations.extend(model.keys(table).into_iter().map(|key| {
                let filter = Filter::Key(key);
                Operation::Select { table, filter }
            }));
            operations.push(Operation::Whole { table, filter: Filter::All });
            if self.settings.kind.is_ordered() {
                let [low, high] = [-50, 50].map(|number| Key::Of(self.settings.kind, number));
                let filter = Filter::Range { low, high, with_low: true, with_high: false };
                operations.push(Operation::Select { table, filter });
            }
        }
        let mut transaction = ledger.start_transaction().map_err(|error| error.to_string())?;
        for operation in operations {
            // Part of the past is read from the journal, whose disk may fail at the moment.
            let Ok(answer) = intruder::ask(&mut transaction, &operation) else { return Ok(()) };
            if let Answer::Refused { message, .. } = &answer {
                return Err(format!("{operation}: {message}"));
            }
            model.run(&[Heard { operation, answer }]).map(drop)?;
        }
        Ok(())
    }
}
