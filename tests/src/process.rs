//! Starting, waiting for and stopping the programs that tests talk to.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// How long anything may take before a test calls it hung: generous, because two cores may run many tests at once.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How often a condition is looked at again while waiting for it.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Awaits `future`, or panics naming `what` after a minute.
pub async fn deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing happened within {DEADLINE:?}"),
    }
}

/// Asks `probe` until it answers `Some`, or panics naming `what` after a minute.
pub async fn eventually<T, F>(what: &str, mut probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{what}: not so within {DEADLINE:?}"
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Whether the full numbers were asked for (`tests/run --long`) instead of the everyday ones.
pub fn is_long_run() -> bool {
    std::env::var_os("TWINWARD_TESTS_LONG").is_some_and(|value| value == "1")
}

/// What stands before the command line of a process that must not outlive whoever starts it (`PR_SET_PDEATHSIG(2const)`).
pub(crate) const BOUND: [&str; 4] = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"];

/// A command whose process ends with the value, and with the thread that starts it, however that ends.
pub fn bound(program: impl AsRef<OsStr>) -> Command {
    let (setpriv, options) = BOUND.split_first().expect("a program");
    let mut command = Command::new(setpriv);
    command.args(options).arg(program).kill_on_drop(true);
    command
}

/// A command that runs a script of `tests/node` with Node.js; both must be there, `tests/run` sees to that.
pub fn node_script(name: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    assert!(
        folder.join("node_modules").is_dir(),
        "tests/node has no packages yet: start `tests/run` once"
    );
    let mut command = bound("node");
    command
        .arg(folder.join(name))
        .env("NODE_NO_WARNINGS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Python with the packages of `tests/python/requirements.txt`, working in `tests/python`; `tests/run` sees to them.
pub fn python() -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let interpreter = folder.join(".venv/bin/python");
    assert!(
        interpreter.exists(),
        "tests/python has no packages yet: start `tests/run` once"
    );
    let mut command = bound(interpreter);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Asks a child politely to end (SIGTERM).
pub(crate) async fn terminate(process_id: u32) {
    signal("TERM", process_id).await;
}

/// Sends a signal.
pub(crate) async fn signal(name: &str, process_id: u32) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process_id.to_string())
        .status()
        .await;
    assert!(
        status.is_ok_and(|status| status.success()),
        "kill -{name} {process_id} failed"
    );
}

/// The only child of a process, if it has one.
pub(crate) fn child_of(process_id: u32) -> Option<u32> {
    let path = format!("/proc/{process_id}/task/{process_id}/children");
    let children = std::fs::read_to_string(path).expect("Linux lists the children of a process");
    let mut children = children.split_whitespace().map(str::parse);
    Some(children.next()?.expect("process ids are numbers"))
}

/// Waits until `child` has ended and returns its exit code, if it ended by itself.
pub(crate) async fn exit_code(child: &mut Child) -> Option<i32> {
    deadline("the end of a process", child.wait())
        .await
        .expect("a child can be waited for")
        .code()
}

/// The gateway's executable, for tests that start it in their own way.
pub async fn gateway_executable() -> PathBuf {
    gateway_binary().await
}

/// The gateway's executable, built from the sources of this run unless `TWINWARD_TESTS_BINARY` names one.
pub(crate) async fn gateway_binary() -> PathBuf {
    static BUILT: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    BUILT.get_or_init(find_or_build).await.clone()
}

async fn find_or_build() -> PathBuf {
    if let Some(path) = std::env::var_os("TWINWARD_TESTS_BINARY") {
        return PathBuf::from(path);
    }
    // This executable is `<target>/<profile>/deps/it-<hash>`.
    let executable = std::env::current_exe().expect("a process knows its executable");
    let profile = executable
        .ancestors()
        .nth(2)
        .expect("tests run inside a target folder")
        .to_owned();
    let target = profile
        .parent()
        .expect("a profile's folder lies in the target folder");
    let mut build =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    build
        .args([
            "build",
            "--quiet",
            "--package",
            "gateway",
            "--bin",
            "twinward",
        ])
        .arg("--target-dir")
        .arg(target);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().await.expect("cargo starts");
    assert!(status.success(), "the gateway does not build");
    profile.join("twinward")
}
