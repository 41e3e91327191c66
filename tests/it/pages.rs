//! Pages of `docs/` that are pasted into a shell as they stand: what they show must come back.

use std::path::Path;
use std::process::Stdio;

use tests::{bound, deadline};

/// Some lines of a page, and what stands below them; `…` stands for anything.
pub(crate) struct Step {
    pub(crate) lines: String,
    pub(crate) shown: String,
}

/// The lines of `console` blocks that start with `$`, each with those that follow it.
pub(crate) fn commands(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let blocks = page.split("```console\n").skip(1);
    let lines = blocks
        .filter_map(|block| block.split("```").next())
        .flat_map(str::lines);
    for line in lines {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                lines: format!("{command}\n"),
                shown: String::new(),
            }),
            (None, Some(step)) => step.shown.push_str(&format!("{line}\n")),
            (None, None) => panic!("something is shown before anything is done: {line}"),
        }
    }
    steps
}

/// The `sh` blocks, each with the block of another language that follows it, if one does.
pub(crate) fn blocks(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut blocks = page.split("```").skip(1).step_by(2);
    while let Some((language, text)) = blocks.next().and_then(|block| block.split_once('\n')) {
        match (language, steps.last_mut()) {
            ("sh", _) => steps.push(Step {
                lines: text.to_owned(),
                shown: String::new(),
            }),
            (_, Some(step)) => step.shown.push_str(text),
            (_, None) => panic!("something is shown before anything is done: {text}"),
        }
    }
    steps
}

/// The same steps with what belongs to the machine put in, all of which is on the page.
pub(crate) fn on_this_machine(mut steps: Vec<Step>, replaced: &[(&str, String)]) -> Vec<Step> {
    for (there, here) in replaced {
        let is_there = steps.iter().any(|step| step.lines.contains(there));
        assert!(is_there, "{there} is not on the page");
        for step in &mut steps {
            step.lines = step.lines.replace(there, here);
        }
    }
    steps
}

/// Pastes `steps` into one shell in `folder`, after `before`; every one must show what the page says.
pub(crate) async fn check(steps: &[Step], before: &str, folder: &Path) {
    // Whatever the page has started is asked to end with the shell.
    let start = format!("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n{before}\n");
    let script = steps.iter().fold(start, |script, step| {
        script + &step.lines + "last=$?; echo '--- next'; (exit $last)\n"
    });
    let shell = bound("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("bash starts");
    let _jobs = Jobs(shell.id().expect("it runs"));
    let output = deadline("the end of the page", shell.wait_with_output())
        .await
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let all: Vec<&str> = text.split("--- next\n").collect();
    assert_eq!(all.len(), steps.len() + 1, "{text}{errors}");
    for (step, shown) in steps.iter().zip(all) {
        let (shown, expected) = (seen(shown), seen(&step.shown));
        let fits = fits(&shown, &expected);
        assert!(
            fits,
            "{}\n{shown}\nand not\n{expected}\n{errors}",
            step.lines
        );
    }
}

/// The process group of a shell: what is left of it when the value goes is killed, also if the page does not come to its end.
struct Jobs(u32);

impl Drop for Jobs {
    fn drop(&mut self) {
        let mut kill = std::process::Command::new("kill");
        let group = format!("-{}", self.0);
        // Nobody may be left.
        let _ = kill
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
    }
}

/// A line that a command ends although another one has ended it before is not seen on a page.
fn seen(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn fits(shown: &str, expected: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else {
        return shown == expected;
    };
    let Some(mut left) = shown.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(end)
}

#[test]
fn an_ellipsis_stands_for_anything() {
    for (shown, expected, outcome) in [
        ("a b", "a b", true),
        ("a b", "a", false),
        ("a b c", "a … c", true),
        ("a b c", "… b …", true),
        ("a b d", "a … c", false),
        ("b c", "a … c", false),
    ] {
        assert_eq!(fits(shown, expected), outcome, "{shown:?} {expected:?}");
    }
}
