//! What the figures were measured on.

use std::{fs, process::Command, thread::available_parallelism};

use chrono::Utc;

/// Date, processor, memory, system, and versions, as sentences without any name of the machine.
pub(crate) fn described() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim_start_matches([':', ' ', '\t']).to_owned())
    };
    let virtual_machine = field(&cpu, "flags").is_some_and(|flags| flags.contains("hypervisor"));
    let kind = if virtual_machine {
        "a virtual machine"
    } else {
        "a machine"
    };
    let cores = available_in_all(&cpu);
    let gigabytes = field(&memory, "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes / f64::from(1 << 20));
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    format!(
        "Measured on {} on {kind}: {cores} cores of {}, {gigabytes:.0} GiB of memory, Linux {}; \
         {}; Caddy {}. The load average when it began was {load}.",
        Utc::now().format("%Y-%m-%d"),
        field(&cpu, "model name").unwrap_or_else(|| "an unknown processor".to_owned()),
        read("/proc/sys/kernel/osrelease").trim(),
        printed("nginx", "-v"),
        printed("caddy", "version"),
    )
}

fn available_in_all(cpuinfo: &str) -> usize {
    let n_listed = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    // This thread is on one core by now.
    n_listed.max(available_parallelism().map_or(1, usize::from))
}

/// The version a program prints; nginx takes the other output for it.
fn printed(program: &str, argument: &str) -> String {
    let path = super::servers::installed(program, program);
    let output = path.and_then(|path| Ok(Command::new(path).arg(argument).output()?));
    let Ok(output) = output else {
        return "(missing)".to_owned();
    };
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = String::from_utf8_lossy(&text);
    let version = text.trim().trim_start_matches("nginx version: ");
    version.split(' ').next().unwrap_or_default().to_owned()
}
