//! Lists of error codes, each with the test that meets it.

use std::fs;
use std::path::Path;

/// A code, the file of a test that produces it, and the test's name.
pub(crate) type Row = (&'static str, &'static str, &'static str);

/// The text of a file of the repository.
pub(crate) fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every row names a test that exists and names the code.
pub(crate) fn check(rows: &[Row]) {
    for (code, file, test) in rows {
        let text = read(file);
        let body = body_of(&text, test);
        let body = body.unwrap_or_else(|| panic!("{file} has no test `{test}`"));
        // Tables and names of codes stand outside of the functions that use them.
        let is_named = body.contains(code) || text.contains(&format!("{code}\""));
        assert!(is_named, "`{test}` in {file} does not meet {code}");
    }
}

/// Codes that never come stand in docs/differences.md, and in no source of errors.
pub(crate) fn check_never(codes: &[&str], sources: &[&str]) {
    let differences = read("docs/differences.md");
    for code in codes {
        assert!(
            differences.contains(code),
            "docs/differences.md does not name {code}"
        );
        for source in sources {
            let told = read(source).contains(&format!("\"{code}\""));
            assert!(!told, "{code} does come: {source}");
        }
    }
}

/// The text of a test, from its name to the next function.
fn body_of<'f>(text: &'f str, test: &str) -> Option<&'f str> {
    let (_, body) = text.split_once(&format!("fn {test}("))?;
    body.split("\n}").next()
}
