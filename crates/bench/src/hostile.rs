//! How a server under attack serves its other clients. The attacks are those of the tests.

use std::path::PathBuf;
use std::time::Duration;

use crate::Arguments;
use crate::hostile_clients::attacks::ATTACKS;
use crate::hostile_clients::{BYSTANDER_P99_MAX, END_MAX, HEALTH_MAX, MEMORY_BYTES_MAX, ToldApartBy, run};
use crate::measure::Failure;

/// Prints a table with two lines for each attack: from another address, and with another access key from the same address.
pub(crate) fn report(arguments: &Arguments) -> Result<(), Failure> {
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => beside_this()?,
    };
    println!("## hostile\n");
    println!(
        "| attack | by | memory, MiB | bystander p50 | p99 | of | `/health` p50 | worst | of | SIGTERM | failures |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    println!(
        "| *goal* | | {} | | {} | | | {} | | {} | 0 |",
        MEMORY_BYTES_MAX >> 20,
        shown(BYSTANDER_P99_MAX),
        shown(HEALTH_MAX),
        shown(END_MAX)
    );
    let wanted = arguments.attack.as_deref().unwrap_or("");
    let attacks = ATTACKS.iter().filter(|attack| attack.name.contains(wanted));
    let both = [(ToldApartBy::Address, "address"), (ToldApartBy::AccessKey, "key")];
    for (attack, (told_apart_by, by)) in attacks.flat_map(|attack| both.map(|by| (attack, by))) {
        let figures = match run(&program, attack, told_apart_by, arguments.time()) {
            Ok(figures) => figures,
            Err(error) => {
                println!("| {} | {by} | {error} |", attack.name);
                continue;
            }
        };
        let (bystander, health) = (&figures.bystander, &figures.health);
        println!(
            "| {} | {by} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            attack.name,
            figures.peak_bytes >> 20,
            shown(bystander.percentile(50)),
            shown(bystander.percentile(99)),
            bystander.sorted.len(),
            shown(health.percentile(50)),
            shown(health.percentile(100)),
            health.sorted.len(),
            shown(figures.ended_within),
            bystander.failures.len() + health.failures.len(),
        );
        if let Some(failure) = bystander.failures.first().or(health.failures.first()) {
            eprintln!("{}: {failure}", attack.name);
        }
    }
    println!();
    Ok(())
}

/// `everstrand` in the folder of this program.
pub(crate) fn beside_this() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?.with_file_name("everstrand");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!(
        "there is no {}: build it (cargo build --release), or name it with --program",
        program.display()
    )
    .into())
}

fn shown(duration: Duration) -> String {
    match duration {
        Duration::MAX => "never".to_owned(),
        other => format!("{:.1} ms", other.as_secs_f64() * 1000.0),
    }
}
