//! The machine of the measurements, and how much of it they used.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// One line about the processor, the load, and what was built.
pub(crate) fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = field(&processors, "model name").unwrap_or("unknown processor").to_owned();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or("unknown memory").to_owned();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!("{cores} × {model}, {memory}, Linux {}, load at the start {}", kernel.trim(), load.trim())
}

/// The processor time that this process has taken so far, all threads together.
pub(crate) fn processor_time() -> Duration {
    ticks("self", 0..2)
}

/// The time of this process outside of the kernel.
pub(crate) fn user_time() -> Duration {
    ticks("self", 0..1)
}

/// The processor time of the child processes that have ended.
pub(crate) fn children_time() -> Duration {
    ticks("self", 2..4)
}

/// The processor time of a process and of all its children, running or ended.
pub(crate) fn family_time(process: u32) -> Duration {
    let own = ticks(&process.to_string(), 0..4);
    let Ok(entries) = fs::read_dir("/proc") else { return own };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let parent = process.to_string();
    let children = names.filter(|name| stat(name).get(1).is_some_and(|of| *of == parent));
    own + children.map(|child| ticks(&child, 0..4)).sum::<Duration>()
}

/// Some of the four times of a process: user and kernel, its own and those of its ended children.
fn ticks(process: &str, which: std::ops::Range<usize>) -> Duration {
    // Time comes in ticks of a hundredth of a second on every Linux.
    let stat = stat(process);
    let times = stat.get(11..15).and_then(|times| times.get(which)).unwrap_or_default();
    Duration::from_millis(times.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// The fields of `/proc/PID/stat` after the name in brackets.
fn stat(process: &str) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.map(str::to_owned).collect()
}

/// The most memory that this process held at a time, in MiB.
pub(crate) fn peak_mebibytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes =
        field(&status, "VmHWM").and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(f64::NAN) / 1024.0
}

/// The bytes of all files below a folder.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.metadata()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}

/// Drops a folder's files from the page cache, with `dd` and its flag `nocache`.
pub(crate) fn forget_cached(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget_cached(&path)?;
            continue;
        }
        File::open(&path)?.sync_all()?;
        let mut input = OsString::from("if=");
        input.push(&path);
        let dd = Command::new("dd").arg(input).args(["iflag=nocache", "count=0", "status=none"]).status()?;
        if !dd.success() {
            return Err(io::Error::other(format!("dd of {} failed", path.display())));
        }
    }
    Ok(())
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
