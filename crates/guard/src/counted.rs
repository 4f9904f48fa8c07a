//! Where counting begins and ends: allocations by the program's allocator, instructions by callgrind, which is told
//! to look at [`operations`] alone.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::Failure;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The name by which callgrind finds [`operations`], however compilers write it out.
pub(crate) const FUNCTION: &str = "*everstrand_guard*::counted::operations*";

/// One operation on a state that was prepared for it.
pub(crate) type Operation = Box<dyn FnMut() -> Result<(), Failure>>;

/// What one operation allocated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allocated {
    /// How often memory was asked for, or asked for again in another size.
    pub(crate) allocations: f64,
    /// How much was asked for in all; what was given back meanwhile is not taken off.
    pub(crate) bytes: f64,
}

/// Does the operation so often and counts what one allocated, where one is `parts` of what is reported.
pub(crate) fn allocated(operation: &mut Operation, times: u32, parts: u32) -> Result<Allocated, Failure> {
    let region = Region::new(ALLOCATOR);
    operations(operation, times)?;
    let change = region.change();
    let each = |count: usize| count as f64 / f64::from(times) / f64::from(parts);
    Ok(Allocated {
        allocations: each(change.allocations + change.reallocations),
        bytes: each(change.bytes_allocated),
    })
}

/// What is counted, and nothing else.
#[inline(never)]
fn operations(operation: &mut Operation, times: u32) -> Result<(), Failure> {
    for _ in 0..times {
        operation()?;
    }
    Ok(())
}
