//! The binary as the container image has it: static, started where there is nothing else.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tests::{Caller, bound, eventually, is_long_run};
use tokio::process::Command;

/// `tests/run` puts it there: linked from the build under test, with `--long` built as the container file says.
fn static_binary() -> PathBuf {
    let executable = std::env::current_exe().expect("a process knows its executable");
    let target = executable.ancestors().nth(3);
    let path = target.expect("a target folder").join("static/twinward");
    assert!(
        path.exists(),
        "there is no static binary yet: start `tests/run` once"
    );
    path
}

/// Shows the root folder (`$0`) two devices, as every container runtime does, and starts there what follows. With the GNU C
/// library the system call for random numbers is found by its dynamic linker only; musl, as in the image, needs no device.
const ENTER: &str = r#"
    mount --bind /dev/random "$0/dev/random" && mount --bind /dev/urandom "$0/dev/urandom" && exec chroot "$0" "$@"
"#;

/// Runs it with `folder` as the whole file system; whoever is not root may do that in a user namespace of their own.
fn in_root(folder: &Path) -> Command {
    let process = fs::metadata("/proc/self").expect("a process");
    let mut command = bound("unshare");
    command.arg("--mount");
    if process.uid() != 0 {
        command.arg("--map-root-user");
    }
    if is_long_run() {
        command.arg("chroot");
    } else {
        command.args(["sh", "-c", ENTER]);
    }
    command
        .arg(folder)
        .arg("/twinward")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null());
    command
}

#[tokio::test]
async fn it_needs_nothing_but_itself() {
    let binary = static_binary();
    let mut command = Command::new("file");
    let kind = command.arg("-L").arg(&binary).output().await;
    let kind = kind.expect("file starts: `tests/run` installs it");
    let kind = String::from_utf8_lossy(&kind.stdout).into_owned();
    assert!(kind.contains("static"), "{kind}");

    let root = TempDir::new().expect("a folder");
    fs::copy(&binary, root.path().join("twinward")).expect("a copy");
    if !is_long_run() {
        fs::create_dir(root.path().join("dev")).expect("a folder");
        for device in ["random", "urandom"] {
            fs::write(root.path().join("dev").join(device), "").expect("a place for it");
        }
    }
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--devops-listen",
        "127.0.0.1:0",
    ];
    let mut child = in_root(root.path())
        .args(serve)
        .args(["--data", "/data"])
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let endpoints = root.path().join("data/endpoints.json");
    let endpoints: Value = eventually("the start in an empty root", || {
        let ended = child.try_wait().expect("a child can be asked");
        assert!(ended.is_none(), "it ended with {ended:?}");
        let text = fs::read(&endpoints).ok();
        std::future::ready(text.and_then(|text| serde_json::from_slice(&text).ok()))
    })
    .await;
    let address = |name: &str| endpoints[name].as_str().expect("an address").to_owned();
    let nobody = Caller::anonymous(&address("public"));
    nobody.get("/health").await.expect(200);
    nobody.get("/api/2/whoami").await.expect(401);
    let probe = in_root(root.path())
        .args(["probe", "ready", "--data", "/data"])
        .status()
        .await;
    assert!(probe.expect("it starts").success());
    child.kill().await.expect("it runs");
}
