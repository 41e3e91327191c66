//! Commands as scripts see them: arguments in, text and exit code out.

use std::io::Cursor;

use clap::Parser;

use super::{Command, CommandLine, Console, Failure};

/// What a command printed, or the exit code of its failure.
fn run(arguments: &[&str], input: &str) -> Result<String, u8> {
    let command_line = CommandLine::try_parse_from([&["twinward"], arguments].concat());
    let Some(command) = command_line.map_err(|_| 2)?.command else {
        panic!("expected a command");
    };
    let mut output = Vec::new();
    let mut console = Console {
        input: Box::new(Cursor::new(input.to_owned())),
        output: Box::new(&mut output),
        errors: Box::new(std::io::sink()),
        environment: [("KEY".to_owned(), "nonsense".to_owned())].into(),
    };
    let done = match command {
        Command::Serve(_) => panic!("serving is not tested here"),
        Command::ApiKey(command) => command.run(&mut console),
        Command::Password(command) => command.run(&mut console),
        Command::Config(command) => command.run(&mut console),
        Command::Audit(command) => command.run(&mut console),
        Command::Probe(command) => command.run(&mut console),
        Command::Export(command) => command.run(&mut console),
        Command::Import(command) => command.run(&mut console),
        Command::Backup(command) => command.run(&mut console),
        Command::Restore(command) => command.run(&mut console),
    };
    drop(console);
    done.map_err(|failure: Failure| failure.code())?;
    Ok(String::from_utf8(output).unwrap())
}

fn generated(arguments: &[&str]) -> (String, String) {
    let text = run(arguments, "").unwrap();
    let line = |label: &str| {
        let rest = text.split_once(label).unwrap().1;
        rest.lines().next().unwrap().to_owned()
    };
    (
        line("Generated Private Key: "),
        line("Secure Public Hash: "),
    )
}

#[test]
fn a_generated_key_is_valid_for_its_hash_only() {
    let (key, hash) = generated(&["api-key", "generate"]);
    let (_, other) = generated(&["api-key", "generate", "--env", "test", "--yaml"]);
    let validate = |hash: &str| {
        run(
            &["api-key", "validate", "--key-stdin", "--hash", hash],
            &format!("{key}\n"),
        )
    };
    assert_eq!(validate(&hash).unwrap(), "Key is valid\n");
    assert_eq!(validate(&other).unwrap(), "Key is invalid\n");
    assert_eq!(
        run(&["api-key", "validate", "--key", &key, "--hash", &hash], "").unwrap(),
        "Key is valid\n"
    );
}

#[test]
fn an_unreadable_hash_is_usage() {
    assert_eq!(
        run(
            &["api-key", "validate", "--key-env", "KEY", "--hash", "???"],
            ""
        ),
        Err(2)
    );
    assert_eq!(
        run(
            &["api-key", "validate", "--key-env", "NOPE", "--hash", "x"],
            ""
        ),
        Err(2)
    );
    assert_eq!(run(&["api-key", "validate", "--hash", "x"], ""), Err(2));
}

#[test]
fn a_password_becomes_a_hash() {
    let hash = run(&["password", "hash"], "swordfish\n").unwrap();
    assert!(
        hash.starts_with("$argon2id$") && hash.ends_with('\n'),
        "{hash}"
    );
    assert_eq!(run(&["password", "hash"], "\n"), Err(2));
    assert_eq!(run(&["password", "hash"], "foobar\n"), Err(2));
    assert!(
        run(&["password", "hash", "--generate"], "")
            .unwrap()
            .starts_with("Password: ")
    );
}

#[test]
fn the_schema_is_printed_in_both_formats() {
    let json = run(&["config", "schema"], "").unwrap();
    let schema: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(schema["properties"]["http_server"].is_object());
    let yaml = run(&["config", "schema", "yaml"], "").unwrap();
    assert!(yaml.contains("\n  http_server:\n"), "{yaml}");
}

/// As the start does, which nobody may look at.
#[test]
fn a_check_tells_which_keys_open_nothing() {
    let (_, hash) = generated(&["api-key", "generate"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("twinward.yaml");
    let identity = |more: &str| format!("{{ credential: {{ api_key: \"{hash}\" }}, {more} }}");
    let check = |more: &str| {
        let sets = "permission_sets: { all: { permissions: full } }";
        let identities = format!("identities: {{ press: {} }}", identity(more));
        std::fs::write(&file, format!("auth: {{ {sets}, {identities} }}")).unwrap();
        run(&["config", "check", "--config", file.to_str().unwrap()], "").unwrap()
    };
    let told = check("permissions: []");
    assert!(
        told.contains("note: identity `press` has no permissions"),
        "{told}"
    );
    let period = "not_before: 2031-01-01T00:00:00Z, expires_at: 2030-01-01T00:00:00Z";
    let told = check(&format!("permissions: [all], {period}"));
    assert!(
        told.contains("until 2030-01-01T00:00:00Z, so never"),
        "{told}"
    );
    let told = check("permissions: [all], expires_at: 2030-01-01T00:00:00Z");
    assert!(!told.contains("note:"), "{told}");
}

#[test]
fn a_configuration_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(&["config", "check", "--config", file.to_str().unwrap()], "")
    };
    assert_eq!(
        check("store: { path: x }\n").unwrap(),
        "The configuration can be used\n"
    );
    assert_eq!(check("stoer: {}\n"), Err(78));
}

#[test]
fn flags_stand_with_and_without_the_word_serve() {
    let parsed =
        |arguments: &[&str]| CommandLine::try_parse_from([&["twinward"], arguments].concat());
    let flags = [
        "--config",
        "f",
        "--listen",
        "127.0.0.1:1",
        "--print-credentials",
    ];
    let bare = parsed(&flags).unwrap();
    assert!(bare.command.is_none() && bare.serve.print_credentials);
    for word in ["serve", "run"] {
        let named = parsed(&[&[word], &flags[..]].concat()).unwrap();
        assert!(
            matches!(named.command, Some(Command::Serve(arguments)) if arguments.print_credentials)
        );
    }
    assert!(parsed(&["--nonsense"]).is_err());
}

mod api_key;
mod moving;
