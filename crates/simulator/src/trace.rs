//! What happened, line by line: folded into one number, and printed or kept on request.

use std::fmt;

/// What becomes of the lines of a trace, beside their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Nothing.
    Forget,
    /// They go to the standard output as they come.
    Print,
    /// They stand in the report.
    Keep,
}

/// The trace of a world.
pub(crate) struct Trace {
    hash: u64,
    lines: Lines,
    kept: Vec<String>,
}

impl Trace {
    pub(crate) fn new(lines: Lines) -> Trace {
        Trace { hash: 0xCBF2_9CE4_8422_2325, lines, kept: Vec::new() }
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, now: u64, what: fmt::Arguments<'_>) {
        let line = format!("{now:>8} {what}\n");
        for byte in line.bytes() {
            // FNV-1a is enough, because it need only tell traces apart.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        match self.lines {
            Lines::Forget => {}
            Lines::Print => print!("{line}"),
            Lines::Keep => self.kept.push(line),
        }
    }

    /// The lines that were kept.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.kept
    }

    /// A number that stands for all lines in their order.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}
