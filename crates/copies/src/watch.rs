//! Who watches a run of a copier.

/// Who watches a run: shows its progress, and waits for it.
pub trait Watcher {
    /// So far it has come.
    fn progress(&mut self, way: &Way);

    /// Waits before a request is sent again; `attempt` counts from 1.
    fn pause(&mut self, attempt: u32);
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Slots that are done.
    pub slots: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many slots there are to do, as far as that is known.
    pub of_slots: Option<u64>,
}
