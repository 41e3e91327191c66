//! `docs/things.md`, pasted into a shell line by line: every command must show what the page says.

use std::process::Stdio;

use tests::TestGateway;
use tokio::process::Command;

/// A command of the page, and what follows it there.
struct Step {
    command: String,
    expected: String,
}

#[tokio::test]
async fn the_page_is_right() {
    let gateway = TestGateway::start_unconfigured().await;
    let page = include_str!("../../../docs/things.md");
    let steps = steps(page);
    assert!(steps.len() > 30, "the page has {} steps", steps.len());
    let (api, key) = (&gateway.endpoints().public, gateway.first_api_key());
    let start = format!("API=http://{api}/api/2\nKEY={key}\n");
    let script = steps.iter().fold(start, |script, step| {
        script + &step.command + "\necho '--- next'\n"
    });
    let output = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let shown: Vec<&str> = text.split("--- next\n").collect();
    for (step, shown) in steps.iter().zip(&shown) {
        assert_eq!(
            shown.trim_end_matches('\n'),
            step.expected,
            "$ {}\n{}",
            step.command,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(shown.len(), steps.len() + 1);
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let blocks = page.split("```console\n").skip(1);
    let lines = blocks
        .filter_map(|block| block.split("```").next())
        .flat_map(str::lines);
    for line in lines {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                command: command.to_owned(),
                expected: String::new(),
            }),
            (None, Some(step)) => {
                if !step.expected.is_empty() {
                    step.expected.push('\n');
                }
                step.expected.push_str(line);
            }
            (None, None) => panic!("output before the first command: {line}"),
        }
    }
    steps
}
