//! What happened, line by line: folded into one number, and printed where somebody wants to read it.

use std::fmt;

/// The trace of a world.
pub(crate) struct Trace {
    hash: u64,
    lines: u64,
    print: bool,
}

impl Trace {
    pub(crate) fn new(print: bool) -> Trace {
        Trace { hash: 0xCBF2_9CE4_8422_2325, lines: 0, print }
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, now: u64, what: fmt::Arguments<'_>) {
        let line = format!("{now:>8} {what}\n");
        for byte in line.bytes() {
            // FNV-1a: nobody attacks it, it need only tell traces apart.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.lines += 1;
        if self.print {
            print!("{line}");
        }
    }

    /// A number that stands for all lines in their order.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}
