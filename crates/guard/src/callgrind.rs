//! Instructions, counted by valgrind's tool callgrind, which runs this program again for each path.

use std::collections::HashSet;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Failure;
use crate::counted::FUNCTION;
use crate::paths::Path;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instructions {
    /// Everything but the next.
    pub(crate) work: u64,
    /// The inner loop of SHA-256. Valgrind knows no processor's instructions for it, so that it takes about ten times
    /// what it does elsewhere; it would hide the rest, and as its own number says how many bytes are hashed.
    pub(crate) hashing: u64,
}

/// Valgrind and its version, or what to do where there is none.
pub(crate) fn version() -> Result<String, Failure> {
    let output = Command::new("valgrind").arg("--version").output();
    let output =
        output.map_err(|error| format!("valgrind cannot be run ({error}); apt-get install valgrind"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The compiler, with the kind of processor: what the number of instructions depends on beside the code.
pub(crate) fn compiler() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version: Vec<&str> = text.split_whitespace().take(2).collect();
    Ok(format!("{} for {}", version.join(" "), std::env::consts::ARCH))
}

/// The instructions of one operation of a path.
pub(crate) fn instructions(path: &Path) -> Result<Instructions, Failure> {
    let folder = tempfile::tempdir()?;
    let counts = folder.path().join("callgrind.out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--collect-atstart=no"]).arg(format!("--toggle-collect={FUNCTION}"));
    command.arg(format!("--callgrind-out-file={}", counts.display()));
    let output = command.arg(std::env::current_exe()?).args(["run", path.name]).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} under valgrind failed: {said}", path.name).into());
    }
    let all = sum(&std::fs::read_to_string(&counts)?);
    if all.work == 0 {
        return Err(format!("callgrind counted nothing of {}", path.name).into());
    }
    Ok(Instructions { work: path.each(all.work), hashing: path.each(all.hashing) })
}

/// What the paths take, in their order, as many at a time as there are processors: how busy these are does not matter.
pub(crate) fn all(paths: &[&Path]) -> Result<Vec<Instructions>, Failure> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let counts: Vec<OnceLock<_>> = paths.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(place) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < paths.len())
                {
                    let _ = counts[place].set(instructions(paths[place]));
                }
            });
        }
    });
    counts.into_iter().map(|count| count.into_inner().ok_or("a path was not counted")?).collect()
}

/// Adds up what the functions took themselves. Callgrind gives each a number where it first names it, as what runs
/// (`fn=`) or as what is called (`cfn=`); below a function stand lines of a place and a count; the line after `calls=`
/// is what the called one took, which stands there once more.
fn sum(text: &str) -> Instructions {
    let mut sum = Instructions::default();
    let mut hashing = HashSet::new();
    let (mut hashes, mut called) = (false, false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            if name.contains("sha2::") && name.contains("compress") {
                hashing.insert(number);
            }
            if line.starts_with("fn=") {
                hashes = hashing.contains(number);
            }
        } else if line.starts_with("calls=") {
            called = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let count = line.split(' ').nth(1).and_then(|count| count.parse::<u64>().ok());
            let count = count.filter(|_| !std::mem::take(&mut called)).unwrap_or(0);
            if hashes { sum.hashing += count } else { sum.work += count }
        }
    }
    sum
}

/// The commands that show where the instructions of a path went, function by function and line by line.
pub(crate) fn where_they_went(path: &Path) -> String {
    format!(
        "CARGO_PROFILE_RELEASE_DEBUG=line-tables-only cargo build --release -p everstrand-guard\n\
         valgrind --tool=callgrind --collect-atstart=no --toggle-collect='{FUNCTION}' --callgrind-out-file=now.out \
         \"${{CARGO_TARGET_DIR:-target}}/release/everstrand-guard\" run {}\n\
         callgrind_annotate --inclusive=yes now.out | head -60",
        path.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_is_counted_once_and_hashing_apart() {
        let text = "events: Ir\nfn=(1) main\n10 5\n+1 2\ncfn=(2) sha2::sha256::compress256\ncalls=3 0\n* 900\n* 1\n\n\
                    fn=(2)\n0 300\n+3 600\n\nsummary: 908\n";
        assert_eq!(sum(text), Instructions { work: 8, hashing: 900 });
    }
}
