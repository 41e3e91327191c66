//! Keys of Edge Server, and keys that replace others.

use super::{generated, run};

/// Bytes 0 to 31 as base64, and its hash by scrypt.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const HASH: &str = "c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyR6NDNUTUwxVHRNajVpSmY5OUI0b3hXbUZEWHJNbVFGNGVqdXl4RDlJbXhN";

/// A file in which `press-07` has `credential`.
fn file(credential: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.yaml");
    let text = format!(
        "auth:\n  permission_sets: {{ all: {{ permissions: full }} }}\n  identities:\n    press-07:\n      permissions: [all]\n{credential}"
    );
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn with_hash(hash: &str) -> (tempfile::TempDir, String) {
    file(&format!("      credential: {{ api_key: \"{hash}\" }}\n"))
}

#[test]
fn keys_of_edge_server_are_valid() {
    let validate =
        |key: &str, hash: &str| run(&["api-key", "validate", "--key-stdin", "--hash", hash], key);
    assert_eq!(validate(KEY, HASH).unwrap(), "Key is valid\n");
    assert_eq!(
        validate(KEY, &format!("{HASH}$")).unwrap(),
        "Key is valid\n"
    );
    assert_eq!(validate("nonsense", HASH).unwrap(), "Key is invalid\n");
    assert_eq!(validate(&format!(" {KEY}"), HASH), Err(2));
    assert_eq!(validate("", HASH), Err(2));
    assert_eq!(
        validate(KEY, "scrypt$ln=16,r=8,p=1$abcdefghijklmnopqrstuvwxyz"),
        Err(2)
    );
}

#[test]
fn keys_of_edge_server_can_be_made() {
    let (key, hash) = generated(&["api-key", "generate", "--format", "edge", "--yaml"]);
    assert_eq!(key.len(), 44);
    let validate = run(
        &["api-key", "validate", "--key-stdin", "--hash", &hash],
        &key,
    );
    assert_eq!(validate.unwrap(), "Key is valid\n");
}

#[test]
fn a_block_for_the_file_can_be_used() {
    let text = run(
        &["api-key", "generate", "--yaml", "--identity", "press-07"],
        "",
    )
    .unwrap();
    let block = text.split_once("\n\n").unwrap().1;
    assert!(
        block.starts_with("\"press-07\":\n  credentials:\n    - { api_key: \""),
        "{block}"
    );
    assert!(
        block.contains("created_at: \"") && block.contains("expires_at: \""),
        "{block}"
    );
    let open = run(&["api-key", "generate", "--yaml", "--expires", "never"], "").unwrap();
    assert!(!open.contains("expires_at"), "{open}");
    assert_eq!(
        run(&["api-key", "generate", "--expires", "soon"], ""),
        Err(2)
    );
}

#[test]
fn a_key_is_inspected_without_its_secret() {
    let (key, _) = generated(&["api-key", "generate", "--env", "test"]);
    let text = run(&["api-key", "inspect"], &key).unwrap();
    assert!(
        text.contains("Brand: tww\nEnvironment: test\nKey Id: "),
        "{text}"
    );
    assert!(text.ends_with("Checksum: ok\n"), "{text}");
    let secret = key.rsplit('_').next().unwrap();
    assert!(!text.contains(secret.get(..20).unwrap()), "{text}");
    let damaged = key.replace("_test_", "_live_");
    let text = run(&["api-key", "inspect"], &damaged).unwrap();
    assert!(text.ends_with("Checksum: wrong\n"), "{text}");
    assert_eq!(run(&["api-key", "inspect"], "nonsense"), Err(2));
}

#[test]
fn a_hint_is_for_random_keys() {
    assert_eq!(run(&["api-key", "hint"], KEY).unwrap(), "a6e6ef3d\n");
    assert_eq!(run(&["api-key", "hint"], "press07-press07"), Err(2));
}

#[test]
fn a_slow_hash_is_replaced_by_a_fast_one() {
    let (_folder, path) = with_hash(HASH);
    let adopt = |key: &str, identity: &str| {
        run(
            &[
                "api-key",
                "adopt",
                "--identity",
                identity,
                "--config",
                &path,
            ],
            key,
        )
    };
    let text = adopt(KEY, "press-07").unwrap();
    let hash = text
        .trim_end()
        .strip_prefix("Secure Public Hash: ")
        .unwrap();
    assert!(hash.starts_with("aHMyNTYk"), "{hash}");
    let validate = run(&["api-key", "validate", "--key-stdin", "--hash", hash], KEY);
    assert_eq!(validate.unwrap(), "Key is valid\n");
    assert_eq!(adopt("another", "press-07").unwrap(), "Key is invalid\n");
    assert_eq!(adopt(KEY, "press-08"), Err(2));
}

#[test]
fn a_rotated_key_counts_beside_the_old_one_until_it_is_dropped() {
    let (_, hash) = generated(&["api-key", "generate"]);
    let (folder, path) = with_hash(&hash);
    let rotate = |path: &str, more: &[&str]| {
        let arguments = [
            "api-key",
            "rotate",
            "--identity",
            "press-07",
            "--config",
            path,
        ];
        run(&[&arguments, more].concat(), "")
    };
    let text = rotate(&path, &["--overlap", "7d"]).unwrap();
    let (_, credentials) = text.split_once("credentials:\n").unwrap();
    let lines: Vec<&str> = credentials.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    let old = lines.first().unwrap();
    assert!(old.contains(&hash) && old.contains("expires_at"), "{text}");

    let indented: String = lines.iter().map(|line| format!("      {line}\n")).collect();
    let (both_folder, both) = file(&format!("      credentials:\n{indented}"));
    let checked = run(&["config", "check", "--config", &both], "");
    assert_eq!(checked.unwrap(), "The configuration can be used\n");
    assert_eq!(
        rotate(&both, &["--finish"]),
        Err(2),
        "nothing is known of the use of the old key"
    );
    let data = both_folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("credential-use.json"), "{}").unwrap();
    let finished = rotate(&both, &["--finish"]).unwrap();
    assert!(!finished.contains(&hash), "{finished}");
    drop(folder);
}

#[test]
fn a_rotation_is_not_finished_while_the_old_key_is_in_use() {
    let text = run(&["api-key", "generate", "--json"], "").unwrap();
    let made: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (key, hash) = (
        made["key"].as_str().unwrap(),
        made["hash"].as_str().unwrap(),
    );
    let (_, newer) = generated(&["api-key", "generate"]);
    let (folder, path) = file(&format!(
        "      credentials:\n        - {{ api_key: \"{hash}\", created_at: \"2020-01-01T00:00:00Z\" }}\n        - {{ api_key: \"{newer}\", created_at: \"2026-01-01T00:00:00Z\" }}\n"
    ));
    let key_id = key.split('_').nth(2).unwrap();
    let finish = |at: &str| {
        let uses =
            serde_json::json!({ key_id: { "at": at, "source": "192.0.2.7", "user_agent": "0" } });
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("credential-use.json"), uses.to_string()).unwrap();
        run(
            &[
                "api-key",
                "rotate",
                "--identity",
                "press-07",
                "--config",
                &path,
                "--finish",
            ],
            "",
        )
    };
    assert_eq!(finish("2999-01-01T00:00:00Z"), Err(2));
    let finished = finish("2020-01-01T00:00:00Z").unwrap();
    assert!(
        finished.contains(&newer) && !finished.contains(hash),
        "{finished}"
    );
}
