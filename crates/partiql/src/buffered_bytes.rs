//! Counts the bytes that are held for statements: for one statement, for a transaction, for a server. A count has a
//! maximum. It may be part of a larger count with a maximum of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::PartiqlError;

/// How many bytes a charge takes from its count in advance, so that not every row has to change a count that other
/// threads change too.
const CHUNK_BYTES_MAX: usize = 16 << 10;

/// A count of bytes that are held, with a maximum. Clones are the same count.
#[derive(Clone, Debug)]
pub struct BufferedBytes(Arc<Count>);

#[derive(Debug)]
struct Count {
    bytes: AtomicUsize,
    bytes_max: usize,
    /// The setting that sets the maximum. Errors name it.
    setting: Cow<'static, str>,
    /// The larger count, which counts these bytes too.
    whole: Option<BufferedBytes>,
    /// Of a meter: the most bytes that were held at one time. A meter has no maximum of its own.
    most: Option<AtomicUsize>,
}

impl BufferedBytes {
    /// A count of at most `bytes_max` bytes. Errors name the setting that sets the maximum.
    pub fn new(bytes_max: usize, setting: impl Into<Cow<'static, str>>) -> BufferedBytes {
        BufferedBytes::counting(bytes_max, setting.into(), None, None)
    }

    /// A new count, whose bytes count in this one too.
    pub fn part(&self, bytes_max: usize, setting: impl Into<Cow<'static, str>>) -> BufferedBytes {
        BufferedBytes::counting(bytes_max, setting.into(), Some(self.clone()), None)
    }

    /// A new count, whose bytes count in this one too. It has no other maximum, counts every byte, and remembers the
    /// most that were held.
    pub(crate) fn metered(&self) -> BufferedBytes {
        let (whole, most) = (self.clone(), Some(AtomicUsize::new(0)));
        BufferedBytes::counting(usize::MAX, Cow::Borrowed(""), Some(whole), most)
    }

    /// The count whose maximum this one has.
    fn unmetered(&self) -> &BufferedBytes {
        match &self.0.whole {
            Some(whole) if self.0.most.is_some() => whole.unmetered(),
            _ => self,
        }
    }

    /// The most bytes that were held at one time, if this is a meter.
    pub(crate) fn most(&self) -> usize {
        self.0.most.as_ref().map_or(0, |most| most.load(Ordering::Relaxed))
    }

    /// How many bytes are held now.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// How many bytes may be held.
    pub fn bytes_max(&self) -> usize {
        self.unmetered().0.bytes_max
    }

    /// An empty charge of this count.
    pub fn charge(&self) -> Charge {
        Charge { held: self.clone(), used: 0, taken: 0 }
    }

    fn counting(
        bytes_max: usize,
        setting: Cow<'static, str>,
        whole: Option<BufferedBytes>,
        most: Option<AtomicUsize>,
    ) -> BufferedBytes {
        BufferedBytes(Arc::new(Count { bytes: AtomicUsize::new(0), bytes_max, setting, whole, most }))
    }

    /// Takes all of the bytes or none. The error is the count that is full.
    fn add(&self, bytes: usize) -> Result<(), &BufferedBytes> {
        // Another thread may see the bytes for a moment although they are refused, and be refused too. That is rare
        // and does no harm, while a lock would cost every row.
        let before = self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.0.bytes_max {
            self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(self);
        }
        if let Some(whole) = &self.0.whole {
            whole.add(bytes).inspect_err(|_| {
                self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
            })?;
        }
        if let Some(most) = &self.0.most {
            most.fetch_max(before + bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    fn subtract(&self, bytes: usize) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.0.whole {
            whole.subtract(bytes);
        }
    }

    fn refusal(&self, full: &BufferedBytes, purpose: &str) -> PartiqlError {
        let Count { bytes_max, setting, .. } = &*full.0;
        if Arc::ptr_eq(&self.unmetered().0, &full.0) {
            return PartiqlError::limit(format!(
                "{purpose} needs to hold more than {bytes_max} bytes of rows (the limit {setting}); \
                 narrow the statement by a condition or a LIMIT, or first read other results to their end"
            ));
        }
        PartiqlError::capacity(format!(
            "{purpose} needs to hold more bytes than are left of the {bytes_max} that all transactions \
             may hold together (the setting {setting}); try again when other transactions have ended, or narrow the \
             statement by a condition or a LIMIT"
        ))
    }
}

impl Default for BufferedBytes {
    fn default() -> BufferedBytes {
        BufferedBytes::new(64 << 20, "held_bytes_max")
    }
}

/// Bytes of a count that are in use. They are given back when the charge is dropped.
#[derive(Debug)]
pub struct Charge {
    held: BufferedBytes,
    used: usize,
    /// How many bytes were taken from the count: those in use, and some in advance.
    taken: usize,
}

impl Charge {
    /// Takes bytes for a purpose. The error names it.
    pub fn take(&mut self, bytes: usize, purpose: &str) -> Result<(), PartiqlError> {
        let used = self.used.saturating_add(bytes);
        if used > self.taken {
            self.fetch(used - self.taken, purpose)?;
        }
        self.used = used;
        Ok(())
    }

    /// How many bytes are in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Gives back all bytes but `used`.
    pub fn keep(&mut self, used: usize) {
        self.used = self.used.min(used);
        let spare = self.taken - self.used;
        if spare > 2 * CHUNK_BYTES_MAX || self.held.0.most.is_some() {
            self.taken -= spare;
            self.held.subtract(spare);
        }
    }

    /// Moves all bytes but `used` to a charge of their own.
    pub(crate) fn split(&mut self, used: usize) -> Charge {
        let bytes = self.used - used;
        self.used = used;
        self.taken -= bytes;
        Charge { held: self.held.clone(), used: bytes, taken: bytes }
    }

    #[cold]
    fn fetch(&mut self, bytes: usize, purpose: &str) -> Result<(), PartiqlError> {
        // A count with a small maximum has no bytes to take in advance, and a meter shows none.
        let chunk = match self.held.0.most {
            None => bytes.max(CHUNK_BYTES_MAX.min(self.held.bytes_max() / 64)),
            Some(_) => bytes,
        };
        if self.held.add(chunk).is_ok() {
            self.taken += chunk;
            return Ok(());
        }
        self.held.add(bytes).map_err(|full| self.held.refusal(full, purpose))?;
        self.taken += bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.held.subtract(self.taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_counts_in_the_whole_and_gives_everything_back() {
        let whole = BufferedBytes::new(1000, "--memory");
        let (one, two) = (whole.part(700, "held_bytes_max"), whole.part(700, "held_bytes_max"));
        let (mut first, mut second) = (one.charge(), two.charge());
        first.take(600, "a join").unwrap();
        assert!(one.bytes() >= 600 && whole.bytes() >= 600 && two.bytes() == 0);
        let full = first.take(101, "a join").unwrap_err().to_string();
        assert!(full.contains("more than 700 bytes of rows (the limit held_bytes_max)"), "{full}");
        let full = second.take(401, "a join").unwrap_err();
        assert_eq!(full.category(), crate::Category::Capacity);
        assert!(full.to_string().contains("(the setting --memory)"), "{full}");
        // What was refused was not counted.
        second.take(350, "a join").unwrap();
        drop(first);
        second.take(350, "a join").unwrap();
        drop(second);
        assert_eq!((one.bytes(), two.bytes(), whole.bytes()), (0, 0, 0));
    }

    #[test]
    fn a_meter_remembers_the_most_and_has_the_maximum_of_the_whole() {
        let limited = BufferedBytes::new(1000, "held_bytes_max");
        let whole = limited.metered();
        let (one, two) = (whole.metered(), whole.metered());
        let mut first = one.charge();
        first.take(600, "a join").unwrap();
        first.keep(100);
        let mut second = two.charge();
        second.take(300, "a join").unwrap();
        assert_eq!((one.bytes(), one.most(), two.most()), (100, 600, 300));
        assert_eq!((whole.bytes(), whole.most(), limited.bytes()), (400, 600, 400));
        assert_eq!((one.bytes_max(), whole.bytes_max()), (1000, 1000));
        let full = second.take(601, "a join").unwrap_err();
        assert_eq!(full.category(), crate::Category::Limit);
        assert!(
            full.to_string().contains("more than 1000 bytes of rows (the limit held_bytes_max)"),
            "{full}"
        );
        drop((first, second));
        assert_eq!((one.bytes(), two.bytes(), whole.bytes(), limited.bytes()), (0, 0, 0, 0));
    }

    #[test]
    fn small_amounts_are_taken_in_chunks_and_large_ones_given_back() {
        let held = BufferedBytes::default();
        let mut charge = held.charge();
        charge.take(1, "a join").unwrap();
        assert_eq!(held.bytes(), CHUNK_BYTES_MAX);
        charge.take(10 << 20, "a join").unwrap();
        charge.keep(100);
        assert_eq!((charge.used(), held.bytes()), (100, 100));
        charge.keep(0);
        charge.take(100, "a join").unwrap();
        assert_eq!(held.bytes(), 100);
    }
}
