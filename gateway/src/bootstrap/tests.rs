//! First starts, second starts, and starts with a configuration that knows better.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{Bootstrap, Endpoints, Presentation};
use crate::config::{Flags, LoadOptions, Loaded, load};

fn loaded(data: &Path, file: Option<&str>) -> Loaded {
    let file = file.map(|text| {
        let path = data.with_extension("yaml");
        fs::write(&path, text).unwrap();
        path
    });
    load(&LoadOptions {
        file,
        flags: Flags {
            data: Some(data.to_owned()),
            ..Flags::default()
        },
        ..LoadOptions::default()
    })
    .unwrap()
}

fn start(loaded: &Loaded, in_the_open: bool) -> String {
    let bootstrap = Bootstrap::prepare(loaded).unwrap();
    let mut output = Vec::new();
    let presentation = Presentation {
        output: &mut output,
        in_the_open,
    };
    bootstrap
        .hand_over(&Endpoints::of(&loaded.config), presentation)
        .unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn the_first_start_shows_both_and_the_second_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = loaded(&folder.path().join("data"), None);
    let shown = start(&loaded, true);
    assert!(shown.contains("Authorization: Bearer tww_live_"), "{shown}");
    assert!(
        shown.contains("http://127.0.0.1:8080/api/2/whoami"),
        "{shown}"
    );
    assert!(shown.contains("-u 'devops:"), "{shown}");
    assert_eq!(start(&loaded, true), "");
}

#[test]
fn what_is_shown_matches_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = loaded(&folder.path().join("data"), None);
    let shown = start(&loaded, true);
    let after = |label: &str| {
        let rest = shown.split_once(label).unwrap().1;
        rest.lines().next().unwrap().to_owned()
    };
    let second = Bootstrap::prepare(&loaded).unwrap();
    let verifier = &second.identity().unwrap().credentials[0].verifier;
    assert!(authentication::api_key::validate(&after("API key: "), verifier).unwrap());
    let kept = fs::read_to_string(loaded.config.store.path.join("bootstrap.yaml")).unwrap();
    assert!(!kept.contains(&after("API key: ")));
    assert!(!kept.contains(&after("Operator password: ")));
    assert!(
        second
            .operator_password()
            .unwrap()
            .expose()
            .starts_with("$argon2id$")
    );
}

#[test]
fn without_a_terminal_a_private_file_holds_them() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = loaded(&folder.path().join("data"), None);
    let shown = start(&loaded, false);
    let path = loaded.config.store.path.join("first-credentials");
    assert_eq!(
        shown,
        format!("The first credentials are in {}\n", path.display())
    );
    assert!(fs::read_to_string(&path).unwrap().contains("API key: tww_"));
    for name in ["first-credentials", "bootstrap.yaml"] {
        let metadata = fs::metadata(loaded.config.store.path.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_without_operators_gets_a_password_but_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = loaded(
        &folder.path().join("data"),
        Some("logging: { level: info }"),
    );
    let shown = start(&loaded, true);
    assert!(!shown.contains("API key"), "{shown}");
    assert!(shown.contains("Operator password"), "{shown}");
}

#[test]
fn identities_and_operators_in_a_file_switch_them_off_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    start(&loaded(&data, None), true);
    let later = loaded(
        &data,
        Some(
            "auth:\n  permission_sets: { all: { permissions: full } }\n  identities:\n    a: { credential: { api_key: c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyR6NDNUTUwxVHRNajVpSmY5OUI0b3hXbUZEWHJNbVFGNGVqdXl4RDlJbXhN }, permissions: [all] }\ndevops: { devops_passwords: ['$2y$05$abcdefghijklmnopqrstuuW5Xc0QnS3iXlq3l1yWf1nGmpCDrY1lC'] }\n",
        ),
    );
    let bootstrap = Bootstrap::prepare(&later).unwrap();
    assert!(bootstrap.identity().is_none());
    assert!(bootstrap.operator_password().is_none());
    assert_eq!(bootstrap.notices.len(), 2, "{:?}", bootstrap.notices);
    assert_eq!(start(&later, true), "");
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("bootstrap.yaml"), "apikey: x").unwrap();
    assert!(Bootstrap::prepare(&loaded(&data, None)).is_err());
}
