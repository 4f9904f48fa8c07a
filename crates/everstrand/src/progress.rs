//! Shows on a terminal how far a command has come, waits where it must, and holds a rate.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use everstrand_copies::{Watcher, Way};

/// How often the line is written.
const EVERY: Duration = Duration::from_millis(200);

/// The watcher of one run.
pub(crate) struct Progress {
    what: String,
    began: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
    /// The most bytes in a second.
    limit: Option<u64>,
}

impl Progress {
    pub(crate) fn new(what: String, limit: Option<u64>) -> Progress {
        let is_terminal = io::stderr().is_terminal();
        Progress { what, began: Instant::now(), shown: None, is_terminal, limit }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Ends the line on the terminal.
    pub(crate) fn end(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Watcher for Progress {
    fn progress(&mut self, way: &Way) {
        if let Some(limit) = self.limit.filter(|limit| *limit > 0) {
            let due = Duration::from_secs_f64(way.bytes as f64 / limit as f64);
            thread::sleep(due.saturating_sub(self.began.elapsed()));
        }
        if !self.is_terminal || self.shown.is_some_and(|shown| shown.elapsed() < EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        eprint!("\r\x1b[K{}", line(&self.what, way, self.began.elapsed().as_secs_f64()));
    }

    fn pause(&mut self, attempt: u32) {
        thread::sleep(Duration::from_millis(50 << attempt.min(6)));
    }
}

/// The line on the terminal: a bar where the end is known, bytes, rate, and the time that is left.
#[expect(clippy::cast_possible_truncation, reason = "what is shown has three digits")]
pub(crate) fn line(what: &str, way: &Way, seconds: f64) -> String {
    let rate = way.bytes as f64 / seconds.max(0.001);
    let moved = format!("{}, {}/s", bytes(way.bytes), bytes(rate as u64));
    let Some(of) = way.of_slots.filter(|of| *of > 0) else { return format!("{what}  {moved}") };
    let part = (way.slots as f64 / of as f64).clamp(0.0, 1.0);
    let full = (part * 20.0) as usize;
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(20 - full));
    let left = seconds * (1.0 - part) / part.max(1e-9);
    format!("{what}  [{bar}] {:3.0} %  {moved}, {left:.0} s left", part * 100.0)
}

/// A number of bytes as people read it.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.2} GB", number as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_rate_and_time_left() {
        let way = Way { slots: 25, bytes: 50_000_000, of_slots: Some(100) };
        let expected = "ledger a  [#####...............]  25 %  50.0 MB, 10.0 MB/s, 15 s left";
        assert_eq!(line("ledger a", &way, 5.0), expected);
        assert_eq!(line("x", &Way { of_slots: None, ..way }, 5.0), "x  50.0 MB, 10.0 MB/s");
    }
}
