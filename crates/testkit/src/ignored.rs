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

/// Makes tests of functions that need `gofakes3`.
#[cfg(gofakes3)]
#[macro_export]
macro_rules! ignored_without_gofakes3 {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_gofakes3: $($test),+);
    };
}

/// Ignores functions that need `gofakes3`.
#[cfg(not(gofakes3))]
#[macro_export]
macro_rules! ignored_without_gofakes3 {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_gofakes3: $(#[ignore = "there is no gofakes3; go install github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"] $test),+);
    };
}

/// Makes tests of functions that need `postgres`.
#[cfg(postgres)]
#[macro_export]
macro_rules! ignored_without_postgres {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_postgres: $($test),+);
    };
}

/// Ignores functions that need `postgres`.
#[cfg(not(postgres))]
#[macro_export]
macro_rules! ignored_without_postgres {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_postgres: $(#[ignore = "PostgreSQL's server is not installed"] $test),+);
    };
}

/// Makes tests of functions that need the public files of sqllogictest.
#[cfg(sqllogictest)]
#[macro_export]
macro_rules! ignored_without_sqllogictest {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_sqllogictest: $($test),+);
    };
}

/// Ignores functions that need the public files of sqllogictest.
#[cfg(not(sqllogictest))]
#[macro_export]
macro_rules! ignored_without_sqllogictest {
    ($($test:ident),+ $(,)?) => {
        $crate::tests_in_module!(with_sqllogictest: $(#[ignore = "SQLLOGICTEST_DIR names no folder of sqllogictest's files"] $test),+);
    };
}
