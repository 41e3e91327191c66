//! Notes when what is built was made: the time in `SOURCE_DATE_EPOCH` (reproducible-builds.org), else that of the commit.
//! Building the same sources again gives the same time; without either, none is known.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // While somebody develops, a new commit alone is no reason to compile everything again.
    let is_release = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && is_release
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
    if let Some(epoch) = given().or_else(committed) {
        println!("cargo::rustc-env=TWINWARD_BUILD_EPOCH={epoch}");
    }
}

fn given() -> Option<i64> {
    let given = std::env::var_os("SOURCE_DATE_EPOCH")?;
    given.to_str()?.trim().parse().ok()
}

fn committed() -> Option<i64> {
    git(&["log", "-1", "--format=%ct"])?.parse().ok()
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
