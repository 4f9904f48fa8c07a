//! Checks strict serializability along the journal, from the clients' answers.
//!
//! The journal is the serial order of all transactions that wrote. At each block the transaction is run
//! on the naive model as the state was before that block: everything its client heard must be what the
//! model answers, and the block must hold what the model is left with. A transaction without a block must
//! fit at some place between its start and its acknowledgement; of several the earliest is taken, because it
//! leaves most room for those that follow. Real time is kept by two numbers: the place behind which a
//! transaction must stand is the last one known to a client when it began. So the whole check costs one
//! walk along the journal, and asks nothing of the engine but its blocks.
//!
//! Transactions that did not commit are held to the same: they read one state that the ledger had.

use std::collections::{BTreeMap, BTreeSet};

use everstrand_journal::{Auditor, Block, Digest, check_block};

use everstrand_ledger::Outcome;

use crate::model::{Answer, Heard, Model};

/// What was said and heard so far.
pub(crate) struct Checker {
    /// The state after each block, as far back as an open transaction may need it.
    states: BTreeMap<u64, Model>,
    auditor: Auditor,
    last_timestamp: i64,
    last_hash: Option<everstrand_journal::Hash>,
    /// Transactions that are not over, by id.
    records: BTreeMap<String, Record>,
    /// Transactions with a block that were not acknowledged yet.
    in_journal: BTreeMap<String, u64>,
    /// The blocks of all transactions so far.
    blocks: BTreeMap<String, u64>,
    /// Transactions of which somebody was told that no block ever holds them.
    never: BTreeSet<String>,
    /// The last block that a client of any server knows to be there.
    acknowledged: u64,
    /// By the number of the tip.
    digests: Vec<Digest>,
}

/// One transaction, as its client knows it.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The last block that any client knew of when it began.
    pub(crate) after: u64,
    /// Its statements with their answers, in order.
    pub(crate) heard: Vec<Heard>,
    /// Whether the commit was ever sent.
    pub(crate) commit_sent: bool,
    /// Whether the commit may have been received twice.
    pub(crate) commit_repeated: bool,
    /// Whether a statement may have been received twice, so that the client does not know what it saw.
    pub(crate) disturbed: bool,
    /// Whether it was acknowledged before its block was seen, as happens when the ledger fails in between.
    acknowledged: bool,
    /// The server that it ran on; none where it ran in a process without clients.
    pub(crate) server: Option<usize>,
}

impl Checker {
    pub(crate) fn new() -> Checker {
        Checker {
            states: BTreeMap::new(),
            auditor: Auditor::new([]),
            last_timestamp: i64::MIN,
            last_hash: None,
            records: BTreeMap::new(),
            in_journal: BTreeMap::new(),
            blocks: BTreeMap::new(),
            never: BTreeSet::new(),
            acknowledged: 0,
            digests: Vec::new(),
        }
    }

    /// The number of the next block to look at.
    pub(crate) fn next_block(&self) -> u64 {
        self.states.last_key_value().map_or(0, |(number, _)| number + 1)
    }

    /// The hash of the last block.
    pub(crate) fn last_hash(&self) -> Option<everstrand_journal::Hash> {
        self.last_hash
    }

    /// The digest over all blocks so far, computed here.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digests.last().copied()
    }

    /// The digest over all blocks up to one that was seen.
    pub(crate) fn digest_at(&self, tip: u64) -> Option<Digest> {
        self.digests.get(usize::try_from(tip).ok()?).copied()
    }

    /// The state after the last block.
    pub(crate) fn model(&self) -> Model {
        self.states.last_key_value().map(|(_, model)| model.clone()).unwrap_or_default()
    }

    /// The last block that a client of any server knows to be there. A transaction that begins now on another server must
    /// see it, too.
    pub(crate) fn acknowledged_block(&self) -> u64 {
        self.acknowledged
    }

    /// A client of a server heard that its transaction began; `after` is what was acknowledged when it asked.
    pub(crate) fn begin(&mut self, id: &str, server: Option<usize>, after: u64) {
        self.records.insert(id.to_owned(), Record { after, server, ..Record::default() });
    }

    /// A transaction that is not over.
    pub(crate) fn record(&mut self, id: &str) -> Option<&mut Record> {
        self.records.get_mut(id)
    }

    /// A transaction whose outcome somebody may want to know, if there is one: the `number`th, counted around.
    pub(crate) fn undecided(&self, number: usize) -> Option<String> {
        let of_clients = || self.records.iter().filter(|(_, record)| record.server.is_some());
        of_clients().nth(number % of_clients().count().max(1)).map(|(id, _)| id.clone())
    }

    /// Somebody was told what became of a transaction. All blocks of the server that said so were seen.
    pub(crate) fn told(&mut self, id: &str, outcome: Outcome) -> Result<(), String> {
        let block = self.blocks.get(id).copied();
        let expected = block.map_or(Outcome::Never, |block| Outcome::Committed { block });
        if outcome != expected {
            return Err(format!(
                "of transaction {id} a server said {outcome:?}, and it stands in block {block:?}"
            ));
        }
        if block.is_none() {
            self.never.insert(id.to_owned());
        }
        Ok(())
    }

    /// Looks at the next block.
    pub(crate) fn block(&mut self, block: &Block) -> Result<(), String> {
        let number = block.address().sequence_no;
        if let Some(deviation) = self.auditor.block(check_block(block)).first() {
            return Err(format!("the chain is broken at block {number}: {deviation:?}"));
        }
        self.digests.extend(self.auditor.digest());
        if block.timestamp() < self.last_timestamp {
            return Err(format!("block {number} is older than the one before it"));
        }
        self.last_timestamp = block.timestamp();
        self.last_hash = Some(block.hash());
        let mut before = self.model();
        if number == 0 {
            before.begin(block.address().strand_id.to_string(), block.timestamp());
            self.states.insert(0, before);
            return Ok(());
        }
        let id = block.transaction_id().to_string();
        let Some(record) = self.records.get(&id).filter(|record| record.commit_sent) else {
            return Err(format!(
                "block {number} holds transaction {id}, which nobody committed or which was refused"
            ));
        };
        if self.never.contains(&id) {
            return Err(format!(
                "block {number} holds transaction {id}, of which somebody was told that none will"
            ));
        }
        if let Some(earlier) = self.in_journal.get(&id) {
            return Err(format!("transaction {id} stands in block {earlier} and in block {number}"));
        }
        if number <= record.after {
            return Err(format!(
                "transaction {id} stands in block {number}, and began after block {}",
                record.after
            ));
        }
        let said = record.heard.iter().map(|heard| heard.operation.partiql().0);
        let stored = block.statements().map(|statement| statement.statement.to_owned());
        if !said.eq(stored) {
            return Err(format!("block {number} holds other statements than the client of {id} sent"));
        }
        let after = before
            .run(&record.heard)
            .and_then(|run| run.commit(&before, block))
            .map_err(|why| format!("transaction {id} does not fit at its block {number}: {why}"))?;
        let acknowledged = record.acknowledged;
        self.states.insert(number, after);
        self.in_journal.insert(id.clone(), number);
        self.blocks.insert(id.clone(), number);
        self.forget();
        if acknowledged { self.acknowledged(&id).map(drop) } else { Ok(()) }
    }

    /// A client heard that its transaction was committed. Answers whether its block was seen; where it
    /// was not, [`Checker::settle`] decides as soon as the journal has been looked at.
    pub(crate) fn acknowledged(&mut self, id: &str) -> Result<bool, String> {
        let Some(record) = self.records.get_mut(id) else {
            return Err(format!("transaction {id} was acknowledged twice, or nobody had begun it"));
        };
        match self.in_journal.remove(id) {
            Some(number) => {
                if record.server.is_some() {
                    self.acknowledged = self.acknowledged.max(number);
                }
                self.records.remove(id);
                Ok(true)
            }
            None => {
                record.acknowledged = true;
                Ok(false)
            }
        }
    }

    /// Whether [`Checker::settle`] has something to decide.
    pub(crate) fn is_unsettled(&self, server: usize) -> bool {
        self.records.values().any(|record| record.acknowledged && record.server == Some(server))
    }

    /// All blocks that a server has (or there are) were seen: what was acknowledged there and has none must have
    /// changed nothing, and must have read a state that was.
    pub(crate) fn settle(&mut self, server: Option<usize>) -> Result<(), String> {
        let of_server = |record: &Record| server.is_none() || record.server == server;
        let acknowledged = self.records.iter().filter(|(_, record)| record.acknowledged && of_server(record));
        for id in acknowledged.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            let Some(record) = self.records.remove(&id) else { continue };
            if self.has_effects(&record) {
                return Err(format!("transaction {id} was acknowledged, and is not in the journal"));
            }
            let place = self.place(&record).map_err(|why| {
                format!("transaction {id} was acknowledged without a block, and fits nowhere: {why}")
            })?;
            if record.server.is_some() {
                self.acknowledged = self.acknowledged.max(place);
            }
        }
        Ok(())
    }

    /// A client knows for certain that its transaction was not committed.
    pub(crate) fn aborted(&mut self, id: &str) -> Result<(), String> {
        let Some(record) = self.records.remove(id) else { return Ok(()) };
        if let Some(number) = self.in_journal.get(id) {
            return Err(format!("transaction {id} was refused, and stands in block {number}"));
        }
        if record.disturbed {
            return Ok(());
        }
        self.place(&record).map(drop).map_err(|why| {
            format!("transaction {id} was not committed, and saw no state that ever was: {why}")
        })
    }

    /// Whether a transaction changed something, as far as its client can tell.
    fn has_effects(&self, record: &Record) -> bool {
        let mut runs =
            self.states.range(record.after..).filter_map(|(_, state)| state.run(&record.heard).ok());
        runs.next().is_some_and(|run| run.has_effects())
    }

    /// The earliest block after which a transaction without one can have run.
    fn place(&self, record: &Record) -> Result<u64, String> {
        let mut last_problem = "no state is left".to_owned();
        for (number, state) in self.states.range(record.after..) {
            match state.run(&record.heard) {
                Ok(_) => return Ok(*number),
                Err(why) => last_problem = format!("after block {number}, {why}"),
            }
        }
        let answers: Vec<String> = record.heard.iter().map(|heard| format!("{heard}")).collect();
        Err(format!(
            "{last_problem}\n  began after block {}; heard:\n  {}",
            record.after,
            answers.join("\n  ")
        ))
    }

    /// Drops states that no transaction can need any more.
    fn forget(&mut self) {
        let oldest = self.records.values().map(|record| record.after).min().unwrap_or(u64::MAX);
        let oldest = self.acknowledged.min(oldest);
        let last = self.next_block().saturating_sub(1);
        while self.states.first_key_value().is_some_and(|(number, _)| *number < oldest && *number < last) {
            self.states.pop_first();
        }
    }

    /// The ends of transactions whose clients never heard of them: those without a block now will never
    /// have one, for the ledger is closed.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        self.settle(None)?;
        for id in self.records.keys().cloned().collect::<Vec<_>>() {
            if self.in_journal.contains_key(&id) {
                self.acknowledged(&id)?;
            } else {
                self.aborted(&id)?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.answer {
            Answer::Values { values, whole } => {
                let rest = if *whole { "" } else { " …" };
                write!(formatter, "{}  → {}{rest}", self.operation, values.join(" "))
            }
            Answer::Refused { code, message } => {
                let code = code.as_deref().unwrap_or("-");
                write!(formatter, "{}  → refused {code}: {message}", self.operation)
            }
        }
    }
}
