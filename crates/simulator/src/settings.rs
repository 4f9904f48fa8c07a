//! How one world differs from another: every seed switches each kind of trouble on or off by chance (swarm testing),
//! so that rare combinations come up somewhere, and no trouble hides what another would show.

use everstrand_testkit::Random;

use crate::value::Kind;

/// The name by which clients know the ledger.
pub(crate) const LEDGER: &str = "simulated";
/// How long a transaction lives here.
pub(crate) const TRANSACTION_MILLIS: u64 = 3000;
/// How long a session lives here.
pub(crate) const SESSION_MILLIS: u64 = 20_000;
/// 2020-01-01T00:00Z.
pub(crate) const BEGINNING: i64 = 1_577_836_800_000;

/// Where the journal of a world lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Segment files on a disk that forgets what was not synced.
    Disk,
    /// A store beyond a network, whose answers get lost and to which others may write.
    Remote,
}

/// What a seed decides before anything happens. Rates are per thousand.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) store: Store,
    /// Servers on one journal, which the clients share; more than one only where others may write.
    pub(crate) servers: usize,
    pub(crate) clients: u64,
    /// How many keys documents have. As many other keys are only looked up.
    pub(crate) keys: i64,
    pub(crate) tables: usize,
    pub(crate) page_values: usize,
    pub(crate) segment_bytes: u64,
    pub(crate) statements_max: u64,
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    pub(crate) late: u64,
    /// Milliseconds that a message usually takes.
    pub(crate) delay: u64,
    /// Milliseconds between two steps of the committer at most.
    pub(crate) step_delay: u64,
    pub(crate) definitions: u64,
    pub(crate) redactions: u64,
    /// The kind of all keys, and how many are null.
    pub(crate) kind: Kind,
    pub(crate) nulls: u64,
    /// Whether tables have unique indexes.
    pub(crate) unique: bool,
    /// Whether updates add to keys. They do not under a unique index, because the model cannot know which of several
    /// documents is changed first, nor if some keys are null, because a sum with null has no type.
    pub(crate) adds_to_keys: bool,
    /// Whether payloads are texts only.
    pub(crate) plain: bool,
    /// Whether the journal is encrypted.
    pub(crate) sealed: bool,
    /// Whether the view lies in a B-tree, and not in a map.
    pub(crate) tree_view: bool,
    pub(crate) aborts: u64,
    pub(crate) stalls: u64,
    /// Milliseconds between two events of trouble, about.
    pub(crate) chaos_millis: u64,
    pub(crate) power_cuts: u64,
    pub(crate) kills: u64,
    pub(crate) faults: u64,
    pub(crate) clock_jumps: u64,
    pub(crate) view_faults: u64,
    pub(crate) foreign_views: u64,
    pub(crate) intruders: u64,
    pub(crate) store_faults: u64,
}

impl Settings {
    /// The settings of a seed, whose worlds begin with `random`.
    pub(crate) fn of_seed(seed: u64, random: &mut Random) -> Settings {
        // Drawn from random numbers of its own, so that a seed's world is otherwise the same with it and without.
        let sealed = Random::new(!seed).permille(300);
        Settings { sealed, ..Settings::new(random) }
    }

    fn new(random: &mut Random) -> Settings {
        let mut sometimes = |often: u64, rate: u64| if random.permille(often) { rate } else { 0 };
        let (lost, repeated, late) = (sometimes(500, 30), sometimes(500, 60), sometimes(400, 40));
        let (definitions, aborts, stalls) = (sometimes(500, 60), sometimes(700, 120), sometimes(500, 30));
        let (power_cuts, kills, faults) = (sometimes(600, 250), sometimes(500, 120), sometimes(400, 250));
        let redactions = sometimes(300, 40);
        let (clock_jumps, view_faults) = (sometimes(300, 150), sometimes(200, 60));
        let (foreign_views, intruders) = (sometimes(300, 300), sometimes(600, 300));
        let store_faults = sometimes(700, 150);
        let (nulls, unique) = (sometimes(300, 100), sometimes(400, 1) > 0);
        let (plain, tree_view) = (sometimes(500, 1) > 0, sometimes(120, 1) > 0);
        let kinds =
            [Kind::Number, Kind::Number, Kind::Number, Kind::Text, Kind::Long, Kind::Time, Kind::Nested];
        let kind = *random.pick(&kinds);
        let store = *random.pick(&[Store::Disk, Store::Disk, Store::Remote]);
        let servers = if store == Store::Remote && random.permille(500) { 2 } else { 1 };
        Settings {
            kind,
            nulls,
            unique,
            adds_to_keys: kind == Kind::Number && !unique && nulls == 0,
            plain,
            sealed: false,
            tree_view,
            store,
            servers,
            clients: 2 + random.below(6),
            keys: *random.pick(&[3, 6, 12]),
            tables: 1 + random.index(3),
            page_values: *random.pick(&[2, 5, 200]),
            segment_bytes: *random.pick(&[4 << 10, 64 << 10]),
            statements_max: *random.pick(&[2, 4, 7]),
            lost,
            repeated,
            late,
            delay: *random.pick(&[1, 5, 30]),
            step_delay: *random.pick(&[0, 3, 20]),
            definitions,
            redactions,
            aborts,
            stalls,
            chaos_millis: *random.pick(&[150, 800, 6000]),
            power_cuts,
            kills,
            faults,
            clock_jumps,
            view_faults,
            foreign_views,
            intruders,
            store_faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    impl Settings {
        /// Each kind of trouble, and whether this world has it.
        fn troubles(&self) -> [(&'static str, bool); 16] {
            [
                ("requests and answers lost", self.lost > 0),
                ("requests repeated", self.repeated > 0),
                ("messages late", self.late > 0),
                ("definitions among statements", self.definitions > 0),
                ("redactions", self.redactions > 0),
                ("aborts", self.aborts > 0),
                ("stalls of clients", self.stalls > 0),
                ("losses of power", self.power_cuts > 0),
                ("kills", self.kills > 0),
                ("faults of the disk", self.faults > 0),
                ("jumps of the clock", self.clock_jumps > 0),
                ("faults of the view", self.view_faults > 0),
                ("views of other ledgers", self.foreign_views > 0),
                ("other writers", self.intruders > 0),
                ("faults of the store", self.store_faults > 0),
                ("null keys", self.nulls > 0),
            ]
        }
    }

    #[test]
    fn every_two_kinds_of_trouble_come_together_alone_and_not_at_all() {
        let mut met = BTreeSet::new();
        for seed in 0..400 {
            let troubles = Settings::new(&mut Random::new(seed)).troubles();
            for (at, (one, is_on)) in troubles.iter().enumerate() {
                for (other, other_is_on) in &troubles[at + 1..] {
                    met.insert((*one, *is_on, *other, *other_is_on));
                }
            }
        }
        assert_eq!(met.len(), 4 * 16 * 15 / 2, "of every two kinds, all four ways");
    }
}
