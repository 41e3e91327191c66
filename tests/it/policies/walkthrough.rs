//! `docs/policies.md`, pasted into a shell as it stands: every part must show what the page says.
//!
//! Only what belongs to the machine is put in: where the executable lies, a folder, free ports.

use std::net::TcpListener;
use std::process::Stdio;

use tempfile::TempDir;
use tests::{deadline, gateway_executable};
use tokio::process::Command;

/// Some lines of the page, and what stands below them.
struct Part {
    lines: String,
    shown: String,
}

#[tokio::test]
async fn the_page_is_right() {
    let parts = parts(include_str!("../../../docs/policies.md"));
    let asking = parts.iter().filter(|part| !part.shown.is_empty()).count();
    assert!(asking >= 7, "{asking} parts of the page show something");
    let folder = TempDir::new().expect("a temporary folder");
    let script = parts.iter().fold(String::new(), |script, part| {
        script + &part.lines + "echo '--- next'\n"
    });
    let script = on_this_machine(&script, &folder).await;
    let shell = Command::new("bash")
        // Whatever happens, the gateway ends with the shell.
        .args([
            "-c",
            &format!("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n{script}"),
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output();
    let output = deadline("the end of the page", shell)
        .await
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let shown: Vec<&str> = text.split("--- next\n").collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(shown.len(), parts.len() + 1, "{text}{errors}");
    for (part, shown) in parts.iter().zip(shown) {
        // A line that a command ends although another one has ended it before is not seen on the page.
        let lines: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.join("\n"), part.shown, "{}\n{errors}", part.lines);
    }
}

/// The shell blocks of the page, each with the block of another language that follows it, if one does.
fn parts(page: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut blocks = page.split("```").skip(1).step_by(2);
    while let Some((language, text)) = blocks.next().and_then(|block| block.split_once('\n')) {
        match (language, parts.last_mut()) {
            ("sh", _) => parts.push(Part {
                lines: text.to_owned(),
                shown: String::new(),
            }),
            (_, Some(part)) => part.shown.push_str(text.trim_end()),
            (_, None) => panic!("something is shown before anything is done: {text}"),
        }
    }
    parts
}

async fn on_this_machine(script: &str, folder: &TempDir) -> String {
    let executable = gateway_executable().await;
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [public, operators] = listeners.map(|it| it.local_addr().expect("an address").to_string());
    let folder = folder.path().join("policies");
    let replaced = [
        ("cargo build\n", ":\n".to_owned()),
        ("target/debug/twinward", executable.display().to_string()),
        ("/tmp/policies", folder.display().to_string()),
        ("127.0.0.1:8080", public),
        ("127.0.0.1:8081", operators),
    ];
    replaced
        .iter()
        .fold(script.to_owned(), |script, (there, here)| {
            assert!(script.contains(there), "{there} is not on the page");
            script.replace(there, here)
        })
}
