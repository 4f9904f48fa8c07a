//! Mistakes on purpose, those of `models/copies.py`: the tests of this crate let each loose and show that it is caught.
//! In every other build this is the constant `false`.

#[cfg(not(test))]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}

#[cfg(test)]
macro_rules! planted {
    ($name:literal) => {
        crate::planted::is_loose($name)
    };
}

pub(crate) use planted;

#[cfg(test)]
thread_local! {
    static LOOSE: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") };
}

#[cfg(test)]
pub(crate) fn is_loose(name: &str) -> bool {
    LOOSE.get() == name
}

/// Runs `work` with a mistake let loose on this thread.
#[cfg(test)]
pub(crate) fn with<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    LOOSE.set(name);
    let done = work();
    LOOSE.set("");
    done
}
