//! Tests that need what not every machine has. Where it is missing they are *ignored*, and the summary says so: a
//! test that did not run must not count as one that passed. `build.rs` looks what there is when this crate is built.
//!
//! ```
//! # fn main() {}
//! fn a_receipt_of_qldb_verifies() {
//!     let _receipt = everstrand_testkit::data::evidence("03-qldb-rest-api.ion");
//! }
//!
//! everstrand_testkit::ignored_without_evidence!(a_receipt_of_qldb_verifies);
//! ```

/// Makes a test of each function, in a module of this name, with the attributes before the function's name.
#[doc(hidden)]
#[macro_export]
macro_rules! tests_in_module {
    ($module:ident: $($(#[$attribute:meta])? $test:ident),+ $(,)?) => {
        mod $module {
            $(
                #[test]
                $(#[$attribute])?
                fn $test() {
                    super::$test();
                }
            )+
        }
    };
}

/// Makes tests of functions that need evidence that QLDB made (`REQUIRE_VECTORS=1` lets them fail where it is missing).
#[cfg(evidence)]
#[macro_export]
macro_rules! ignored_without_evidence {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_evidence: $($test),+);
    };
}

/// Ignores functions that need evidence that QLDB made (`REQUIRE_VECTORS=1` lets them fail where it is missing).
#[cfg(not(evidence))]
#[macro_export]
macro_rules! ignored_without_evidence {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_evidence: $(#[ignore = "the evidence that QLDB made is not here; VECTORS_DIR names its folder"] $test),+);
    };
}

/// Makes tests of functions that need Python.
#[cfg(python)]
#[macro_export]
macro_rules! ignored_without_python {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_python: $($test),+);
    };
}

/// Ignores functions that need Python.
#[cfg(not(python))]
#[macro_export]
macro_rules! ignored_without_python {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_python: $(#[ignore = "there is no python3"] $test),+);
    };
}

/// Makes tests of functions that need `strace`.
#[cfg(strace)]
#[macro_export]
macro_rules! ignored_without_strace {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_strace: $($test),+);
    };
}

/// Ignores functions that need `strace`.
#[cfg(not(strace))]
#[macro_export]
macro_rules! ignored_without_strace {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_strace: $(#[ignore = "there is no strace that may trace"] $test),+);
    };
}

/// Makes tests of functions that need a file system of their own.
#[cfg(tmpfs)]
#[macro_export]
macro_rules! ignored_without_tmpfs {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_tmpfs: $($test),+);
    };
}

/// Ignores functions that need a file system of their own.
#[cfg(not(tmpfs))]
#[macro_export]
macro_rules! ignored_without_tmpfs {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_tmpfs: $(#[ignore = "no tmpfs can be mounted, which takes root"] $test),+);
    };
}
