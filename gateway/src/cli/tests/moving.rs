//! Policies and things that move from one store to another, and copies of stores.

use std::io::Cursor;
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};

use super::{Command, CommandLine, Console};

/// What a command answered.
#[derive(Debug)]
struct Ran {
    code: u8,
    output: String,
    errors: String,
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let data = folder.join("data").display().to_string();
    let (name, rest) = arguments.split_at(1 + usize::from(arguments.first() == Some(&"backup")));
    let line = [&["twinward"], name, &["--data", &data], rest].concat();
    let command = CommandLine::try_parse_from(line).unwrap().command.unwrap();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut console = Console {
        input: Box::new(Cursor::new(input.to_owned())),
        output: Box::new(&mut output),
        errors: Box::new(&mut errors),
        environment: [].into(),
    };
    let done = match command {
        Command::Export(command) => command.run(&mut console),
        Command::Import(command) => command.run(&mut console),
        Command::Backup(command) => command.run(&mut console),
        Command::Restore(command) => command.run(&mut console),
        other @ (Command::Serve(_)
        | Command::ApiKey(_)
        | Command::Password(_)
        | Command::Probe(_)
        | Command::Config(_)
        | Command::Audit(_)) => panic!("{other:?} is not tested here"),
    };
    drop(console);
    let mut errors = String::from_utf8(errors).unwrap();
    let code = match done {
        Ok(code) => {
            u8::from(format!("{code:?}") != format!("{:?}", std::process::ExitCode::SUCCESS))
        }
        Err(failure) => {
            errors += &failure.to_string();
            failure.code()
        }
    };
    let output = String::from_utf8(output).unwrap();
    Ran {
        code,
        output,
        errors,
    }
}

fn policy(id: &str) -> Value {
    let all = json!({ "grant": ["READ", "WRITE"], "revoke": [] });
    json!({
        "policyId": id,
        "entries": { "owner": {
            "subjects": { "nginx:alice": { "type": "test" } },
            "resources": { "policy:/": all, "thing:/": all, "message:/": all },
        } },
        "_revision": 7,
        "_created": "2025-01-02T03:04:05Z",
        "_modified": "2025-02-03T04:05:06Z",
    })
}

fn thing(id: &str) -> Value {
    json!({
        "thingId": id,
        "policyId": "org.acme:p",
        "definition": "org.acme:lamp:1.0.0",
        "attributes": { "serial": id },
        "features": { "lamp": { "properties": { "on": false } } },
        "_namespace": "org.acme",
        "_revision": 42,
        "_created": "2025-01-02T03:04:05Z",
        "_modified": "2025-02-03T04:05:06Z",
        "_metadata": { "attributes": { "serial": { "unit": "none" } } },
    })
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn three() -> String {
    lines(&[
        policy("org.acme:p"),
        thing("org.acme:a"),
        thing("org.acme:b"),
    ])
}

fn export(folder: &Path) -> Vec<Value> {
    let ran = run(folder, &["export"], "");
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let lines = ran.output.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn told(policies: &str, things: &str) -> String {
    format!("policies: {policies}\nthings: {things}\n")
}

const NOTHING: &str = "0 created, 0 overwritten, 0 unchanged, 0 skipped, 0 failed";

#[test]
fn what_is_imported_is_exported_again() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["import"], &three());
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert_eq!(
        ran.output,
        told(
            "1 created, 0 overwritten, 0 unchanged, 0 skipped, 0 failed",
            "2 created, 0 overwritten, 0 unchanged, 0 skipped, 0 failed",
        )
    );
    let exported = export(folder.path());
    assert_eq!(exported.len(), 3, "{exported:?}");
    let mut expected = thing("org.acme:a");
    let members = expected.as_object_mut().unwrap();
    members.remove("_namespace");
    // A creation and a later change: this store counts its own revisions.
    members.insert("_revision".into(), 2.into());
    assert_eq!(exported[1], expected);
    assert_eq!(exported[0]["policyId"], "org.acme:p");
    assert_eq!(exported[0]["_created"], "2025-01-02T03:04:05Z");
    assert_eq!(exported[0]["_modified"], "2025-02-03T04:05:06Z");

    let other = tempfile::tempdir().unwrap();
    let ran = run(other.path(), &["import"], &lines(&exported));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(export(other.path()), exported);
}

#[track_caller]
fn check_again(arguments: &[&str], input: &str, expected: (u8, &str, &str)) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["import"], &three()).code, 0);
    let ran = run(folder.path(), &[&["import"], arguments].concat(), input);
    let (code, policies, things) = expected;
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.output.ends_with(&told(policies, things)), "{ran:?}");
}

#[test]
fn importing_again_changes_nothing() {
    let one = "0 created, 0 overwritten, 0 unchanged, 1 skipped, 0 failed";
    let two = "0 created, 0 overwritten, 0 unchanged, 2 skipped, 0 failed";
    check_again(&[], &three(), (0, one, two));
    let one = "0 created, 0 overwritten, 1 unchanged, 0 skipped, 0 failed";
    let two = "0 created, 0 overwritten, 2 unchanged, 0 skipped, 0 failed";
    check_again(&["--existing", "overwrite"], &three(), (0, one, two));
    let one = "0 created, 0 overwritten, 0 unchanged, 0 skipped, 1 failed";
    let two = "0 created, 0 overwritten, 0 unchanged, 0 skipped, 2 failed";
    check_again(&["--existing", "fail"], &three(), (1, one, two));
}

#[test]
fn what_differs_is_overwritten_on_demand() {
    let mut changed = thing("org.acme:a");
    changed["attributes"] = json!({ "serial": "other" });
    let one = "0 created, 1 overwritten, 0 unchanged, 0 skipped, 0 failed";
    let arguments = ["--existing", "overwrite"];
    check_again(&arguments, &changed.to_string(), (0, NOTHING, one));
    let skipped = "0 created, 0 overwritten, 0 unchanged, 1 skipped, 0 failed";
    check_again(&[], &changed.to_string(), (0, NOTHING, skipped));
}

#[test]
fn a_trial_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["import", "--dry-run"], &three());
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert!(ran.output.starts_with("Nothing was stored"), "{ran:?}");
    assert!(ran.output.contains("things: 2 created"), "{ran:?}");
    assert!(export(folder.path()).is_empty());
}

#[test]
fn a_page_of_a_search_and_inline_policies_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut with_policy = thing("org.acme:c");
    with_policy["_policy"] = policy("org.acme:p");
    let mut by_itself = thing("org.acme:d");
    by_itself.as_object_mut().unwrap().remove("policyId");
    by_itself["_policy"] = policy("org.acme:p");
    by_itself["_policy"]
        .as_object_mut()
        .unwrap()
        .remove("policyId");
    let page = json!({ "items": [with_policy, by_itself], "cursor": "more" });
    let ran = run(folder.path(), &["import"], &format!("\n{page:#}\n"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.errors,
        "line 2: the page has a `cursor`: there are more to fetch\n"
    );
    let ids: Vec<_> = export(folder.path())
        .iter()
        .map(|each| format!("{} {}", each["thingId"], each["policyId"]))
        .collect();
    assert_eq!(
        ids,
        [
            "null \"org.acme:d\"",
            "null \"org.acme:p\"",
            "\"org.acme:c\" \"org.acme:p\"",
            "\"org.acme:d\" \"org.acme:d\"",
        ]
    );
}

#[track_caller]
fn check_bad(line: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let input = format!(
        "{}\n{line}\n{}\n",
        policy("org.acme:p"),
        thing("org.acme:last")
    );
    let ran = run(folder.path(), &["import"], &input);
    assert_eq!(ran.code, 1, "{line}: {ran:?}");
    let place = if line == "{" { "line 3" } else { "line 2" };
    assert!(ran.errors.starts_with(place), "{line}: {}", ran.errors);
    assert!(ran.errors.contains(expected), "{line}: {}", ran.errors);
    let is_read_on = !ran.errors.contains("nothing from here on");
    assert_eq!(export(folder.path()).len(), 1 + usize::from(is_read_on));
}

#[test]
fn what_cannot_be_imported_is_named_by_its_line() {
    check_bad("{", "line 3, column 1: ");
    check_bad("nonsense", "line 2, column 2: expected ident");
    check_bad(
        "{\"thingId\":\"a:b\",\"thingId\":\"a:c\"}",
        "the member `thingId` is repeated",
    );
    check_bad("7", "neither a thing");
    check_bad("{\"policyId\":\"a:b\"}", "neither a thing");
    check_bad("{\"items\":[7]}", "line 2, item 1: neither a thing");
    check_bad("{\"thingId\":\"no id\"}", "thing `no id`: ");
    check_bad("{\"thingId\":7}", "thing ``: ");
    check_bad("{\"thingId\":\"a:b\"}", "it names no policy");
    check_bad(
        "{\"thingId\":\"a:b\",\"policyId\":\"a:unknown\"}",
        "its policy `a:unknown` is not there",
    );
    check_bad(
        "{\"thingId\":\"a:b\",\"policyId\":\"org.acme:p\",\"attributes\":7}",
        "an object or null",
    );
    check_bad(
        "{\"thingId\":\"a:b\",\"policyId\":\"org.acme:p\",\"attributes\":{\"a/b\":1}}",
        "`a/b` is no key",
    );
    check_bad(
        "{\"thingId\":\"a:b\",\"policyId\":\"org.acme:p\",\"_created\":\"yesterday\"}",
        "`_created` is no RFC 3339 time",
    );
    check_bad(
        "{\"thingId\":\"a:b\",\"_copyPolicyFrom\":\"org.acme:p\"}",
        "`_copyPolicyFrom` is for",
    );
    check_bad("{\"policyId\":\"a:b\",\"entries\":{}}", "policy `a:b`: ");
    check_bad(
        "{\"policyId\":\"no id\",\"entries\":{}}",
        "policy `no id`: ",
    );
    let large = json!({ "thingId": "a:b", "policyId": "org.acme:p", "attributes": { "x": "x".repeat(200_000) } });
    check_bad(&large.to_string(), "thing `a:b`: ");
    let deep = format!(
        "{{\"thingId\":\"a:b\",\"policyId\":\"org.acme:p\",\"attributes\":{{\"x\":{}{}}}}}",
        "[".repeat(120),
        "]".repeat(120)
    );
    check_bad(&deep, "line 2");
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["export"] as &[_], &["backup", "create", "x"]] {
        let ran = run(folder.path(), arguments, "");
        assert_eq!(ran.code, 74, "{ran:?}");
        assert!(ran.errors.contains("there is no store in"), "{ran:?}");
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn an_export_does_not_replace_a_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["import"], &three()).code, 0);
    let file = folder.path().join("export.jsonl").display().to_string();
    let arguments = [
        "export",
        "--only",
        "things",
        "--namespace",
        "org.acme",
        &file,
    ];
    assert_eq!(run(folder.path(), &arguments, "").code, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(run(folder.path(), &arguments, "").code, 2);
    let none = run(folder.path(), &["export", "--namespace", "other"], "");
    assert_eq!((none.code, none.output.as_str()), (0, ""));
    let policies = run(folder.path(), &["export", "--only", "policies"], "");
    assert_eq!(policies.output.lines().count(), 1);
}

#[test]
fn a_copy_is_checked_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["import"], &three()).code, 0);
    let before = export(folder.path());
    let copy = folder.path().join("copy").display().to_string();
    let ran = run(folder.path(), &["backup", "create", &copy], "");
    assert_eq!(
        ran.output,
        "Copied 3 entities, deleted ones included, up to change 6\n"
    );
    let refused = run(folder.path(), &["backup", "create", &copy], "");
    assert_eq!(refused.code, 2, "{refused:?}");

    let other = tempfile::tempdir().unwrap();
    let restore = |file: &str| run(other.path(), &["restore", file], "");
    let bytes = std::fs::read(&copy).unwrap();
    let broken = folder.path().join("broken").display().to_string();
    std::fs::write(&broken, &bytes[..bytes.len() - 1]).unwrap();
    let refused = restore(&broken);
    assert_eq!(refused.code, 74, "{refused:?}");
    assert!(refused.errors.contains("it ends too early"), "{refused:?}");
    assert_eq!(restore(&copy).code, 0);
    assert_eq!(export(other.path()), before);
    let refused = restore(&copy);
    assert_eq!(refused.code, 74, "{refused:?}");
    assert!(refused.errors.contains("is not empty"), "{refused:?}");
}

/// Entries with which nobody could write the policy: what makes it writable is imported.
fn importing(id: &str, imports: Value, entries: Value) -> Value {
    json!({ "policyId": id, "imports": imports, "entries": entries })
}

/// Policies that make each other writable in every way: one that sorts before what it imports, one by way of another, and
/// two of which one has the subject and the other the right.
fn entangled() -> [Value; 5] {
    let reader = json!({ "reader": {
        "subjects": { "nginx:bob": { "type": "test" } },
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } },
    } });
    let far = json!({ "org.acme:a1": { "transitiveImports": ["org.acme:p"] } });
    let right = json!({ "policy:/": { "grant": ["READ", "WRITE"], "revoke": [] } });
    [
        importing("org.acme:a0", far, json!({})),
        importing("org.acme:a1", json!({ "org.acme:p": {} }), reader),
        importing(
            "org.acme:left",
            json!({ "org.acme:right": {} }),
            json!({
                "part": { "subjects": {}, "resources": right, "importable": "implicit" },
                "whole": { "subjects": {}, "resources": {}, "references": [
                    { "entry": "part" }, { "import": "org.acme:right", "entry": "part" },
                ] },
            }),
        ),
        importing(
            "org.acme:right",
            json!({ "org.acme:left": {} }),
            json!({
                "part": { "subjects": { "nginx:alice": { "type": "test" } }, "resources": {} },
                "whole": { "subjects": {}, "resources": {}, "references": [
                    { "entry": "part" }, { "import": "org.acme:left", "entry": "part" },
                ] },
            }),
        ),
        policy("org.acme:p"),
    ]
}

fn without_times(mut policies: Vec<Value>) -> Vec<Value> {
    for policy in &mut policies {
        let members = policy.as_object_mut().unwrap();
        members.retain(|name, _| !name.starts_with('_'));
    }
    policies
}

#[track_caller]
fn check_order(items: &[Value], arguments: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), arguments, &lines(items));
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert!(
        ran.output.contains("policies: 5 created") && ran.output.contains("things: 1 created"),
        "{ran:?}"
    );
    let left: Vec<_> = std::fs::read_dir(folder.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(!left.contains(&"import.waiting".into()), "{left:?}");
    export(folder.path())
}

#[test]
fn what_needs_something_later_is_imported_in_any_order() {
    let mut items = vec![thing("org.acme:a")];
    items[0]["policyId"] = "org.acme:a0".into();
    items.extend(entangled());
    let exported = check_order(&items, &["import"]);
    assert_eq!(check_order(&exported, &["import"]).len(), 6);
    check_order(&items, &["import", "--dry-run"]);
    items.reverse();
    check_order(&items, &["import"]);
    check_order(&items, &["import", "--dry-run"]);
    items.rotate_left(2);
    let again = check_order(&items, &["import"]);
    let ids = |values: &[Value]| -> Vec<Value> {
        let policies = without_times(values.to_vec());
        policies
            .into_iter()
            .map(|each| each["policyId"].clone())
            .collect()
    };
    assert_eq!(ids(&again), ids(&exported));
}

/// Each import must be complete when the line is read: nothing has to wait.
#[test]
fn an_export_has_policies_after_those_that_they_import() {
    let folder = tempfile::tempdir().unwrap();
    let items = entangled();
    assert_eq!(run(folder.path(), &["import"], &lines(&items)).code, 0);
    let exported = export(folder.path());
    let ids: Vec<_> = exported
        .iter()
        .map(|each| each["policyId"].as_str().unwrap())
        .collect();
    let expected = [
        "org.acme:p",
        "org.acme:a1",
        "org.acme:a0",
        "org.acme:right",
        "org.acme:left",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn what_nothing_came_for_is_refused_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let locked = importing(
        "org.acme:locked",
        json!({ "org.acme:later": {} }),
        json!({}),
    );
    let later = importing(
        "org.acme:later",
        json!({ "org.acme:locked": {} }),
        json!({}),
    );
    let mut with_locked = thing("org.acme:b");
    with_locked["policyId"] = "org.acme:locked".into();
    let items = [
        with_locked,
        locked,
        later,
        policy("org.acme:p"),
        thing("org.acme:a"),
    ];
    for arguments in [&["import", "--dry-run"] as &[_], &["import"]] {
        let ran = run(folder.path(), arguments, &lines(&items));
        assert_eq!(ran.code, 1, "{ran:?}");
        for expected in [
            "line 1: thing `org.acme:b`: its policy `org.acme:locked` is not there",
            "line 2: policy `org.acme:locked`: ",
            "line 3: policy `org.acme:later`: ",
        ] {
            assert!(ran.errors.contains(expected), "{ran:?}");
        }
        let created = "1 created, 0 overwritten, 0 unchanged, 0 skipped";
        let expected = told(
            &format!("{created}, 2 failed"),
            &format!("{created}, 1 failed"),
        );
        assert!(ran.output.ends_with(&expected), "{ran:?}");
    }
}

#[test]
fn an_import_of_what_is_nowhere_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mut with_roles = policy("org.acme:p");
    with_roles["imports"] = json!({ "org.acme:roles": {}, "org.acme:later": {} });
    let items = lines(&[with_roles, policy("org.acme:later")]);
    for arguments in [&["import", "--dry-run"] as &[_], &["import"]] {
        let ran = run(folder.path(), arguments, &items);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(
            ran.errors,
            "line 1: warning: policy `org.acme:p` imports `org.acme:roles`, which is not there and brings in nothing\n"
        );
        assert!(ran.output.contains("policies: 2 created"), "{ran:?}");
        assert!(
            ran.output
                .ends_with("warnings: 1 (imports of policies that are not there)\n"),
            "{ran:?}"
        );
    }
    let ran = run(
        folder.path(),
        &["import"],
        &policy("org.acme:roles").to_string(),
    );
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn a_line_that_is_unacceptable_does_not_hide_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!(
        "\u{feff}{}\n{{\"thingId\":\"a:b\",\"thingId\":\"a:c\"}}\n{}\n",
        policy("org.acme:p"),
        thing("org.acme:last")
    );
    let ran = run(folder.path(), &["import"], &input);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        ran.errors,
        "line 2, column 33: the member `thingId` is repeated; it was skipped\n"
    );
    assert_eq!(export(folder.path()).len(), 2);
}
