//! How the sources must look: which crate may know which, and what every file carries.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Above this many lines (tests not counted) a file's header must say why it is long: a line `//! Long because …`.
const FILE_LINES_MAX: usize = 500;

/// Folders that hold no sources of ours.
const SKIPPED: [&str; 5] = [".git", "data", "node_modules", "snapshots", "target"];

#[test]
fn only_the_edges_name_actix_web() {
    let allowed = ["devops", "gateway", "hello", "subscribers", "tests"];
    let named: Vec<_> = manifests()
        .into_iter()
        .filter(|(_, text)| text.contains("actix-web"))
        .collect();
    for (crate_name, _) in &named {
        assert!(
            allowed.contains(&crate_name.as_str()),
            "crate {crate_name} names actix-web"
        );
    }
    assert!(
        named.iter().any(|(crate_name, _)| crate_name == "gateway"),
        "the check finds nothing at all"
    );
}

#[test]
fn crates_depend_in_one_direction() {
    let allowed = BTreeMap::from([
        ("json_writer", vec![]),
        ("audit", vec!["json_writer"]),
        ("journal", vec![]),
        ("policies", vec!["journal", "json_writer"]),
        ("rql", vec![]),
        ("things", vec!["journal", "json_writer", "policies", "rql"]),
        ("protocol", vec!["json_writer", "policies", "things"]),
        ("authentication", vec!["policies", "rql"]),
        ("devops", vec!["audit", "authentication"]),
        (
            "gateway",
            vec![
                "audit",
                "authentication",
                "devops",
                "journal",
                "json_writer",
                "policies",
                "protocol",
                "rql",
                "things",
            ],
        ),
        ("tests", vec![]),
        (
            "fuzz",
            vec!["authentication", "policies", "protocol", "rql"],
        ),
        ("timing", vec!["authentication"]),
        ("hello", vec![]),
        ("load", vec![]),
        ("subscribers", vec![]),
    ]);
    for (crate_name, text) in manifests() {
        let permitted = allowed.get(crate_name.as_str());
        let permitted = permitted
            .unwrap_or_else(|| panic!("crate {crate_name} has no place in the order of crates"));
        for dependency in dependencies(&text).filter(|dependency| allowed.contains_key(dependency))
        {
            assert!(
                permitted.contains(&dependency),
                "crate {crate_name} must not know {dependency}"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    check_sources(|path, text| {
        assert!(
            text.starts_with("//! "),
            "{}: the first line is no `//!` header",
            path.display()
        );
    });
}

#[test]
fn modules_are_named_after_themselves() {
    check_sources(|path, _| {
        assert_ne!(
            path.file_name().and_then(|name| name.to_str()),
            Some("mod.rs"),
            "{}",
            path.display()
        );
    });
}

#[test]
fn long_files_say_why() {
    check_sources(|path, text| {
        let lines = text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .count();
        let explained = text.lines().take_while(|line| line.starts_with("//!"));
        let explained = explained
            .into_iter()
            .any(|line| line.starts_with("//! Long because "));
        let is_test =
            path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        assert!(
            lines <= FILE_LINES_MAX || explained || is_test,
            "{}: {lines} lines",
            path.display()
        );
    });
}

#[test]
fn packages_name_no_registry() {
    let text = fs::read_to_string(root().join("tests/node/package-lock.json")).unwrap();
    assert!(
        !text.contains("\"resolved\""),
        "the lock file pins where packages come from"
    );
}

/// What stands in the last column of a table is tested by functions of these names, or by all of a module.
#[test]
fn attacks_name_tests_that_are_there() {
    let text = fs::read_to_string(root().join("tests/attacks/README.md")).unwrap();
    let sources = files(&root(), "rs").into_iter();
    let sources: String = sources
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let tables = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("::"));
    let cells = tables.filter_map(|line| line.trim_end_matches(" |").rsplit(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let paths: Vec<_> = names.filter(|name| name.contains("::")).collect();
    assert!(paths.len() > 100, "the check finds nothing at all");
    for path in paths {
        let (module, name) = path.rsplit_once("::").expect("it has one");
        let file = root().join(format!("tests/it/{}.rs", module.replace("::", "/")));
        let is_there = match name {
            "*" => file.exists(),
            _ => sources.contains(&format!("fn {name}(")),
        };
        assert!(is_there, "there is no test `{path}`");
    }
}

fn check_sources(check: impl Fn(&Path, &str)) {
    let sources = files(&root(), "rs");
    assert!(sources.len() > 20, "the check finds nothing at all");
    for path in sources {
        check(
            &path,
            &fs::read_to_string(&path).expect("sources are UTF-8"),
        );
    }
}

/// Crate name and text of every manifest below the root.
fn manifests() -> Vec<(String, String)> {
    let paths = files(&root(), "toml")
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"));
    let texts = paths.map(|path| fs::read_to_string(path).expect("manifests are UTF-8"));
    texts
        .filter_map(|text| Some((name(&text)?, text)))
        .collect()
}

fn name(manifest: &str) -> Option<String> {
    let line = manifest
        .lines()
        .skip_while(|line| *line != "[package]")
        .find(|line| line.starts_with("name = "));
    Some(
        line?
            .trim_start_matches("name = ")
            .trim_matches('"')
            .to_owned(),
    )
}

/// What a manifest names under `[dependencies]`, without what only its tests need.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let section = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1);
    let names = section.take_while(|line| !line.starts_with('['));
    names
        .filter_map(|line| line.split([' ', '.', '=']).next())
        .filter(|name| !name.is_empty())
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !SKIPPED.contains(&name) {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the crate lies in the workspace").to_owned()
}
