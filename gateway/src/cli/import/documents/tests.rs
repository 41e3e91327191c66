//! Tests of reading documents.

use super::*;

#[track_caller]
fn check(input: &str, expected: &[&str]) {
    check_bytes(input.as_bytes(), expected);
}

#[track_caller]
fn check_bytes(mut input: &[u8], expected: &[&str]) {
    let mut documents = Documents::new(&mut input);
    let mut found = Vec::new();
    loop {
        match documents.next() {
            Ok(Some(item)) => found.push(format!("{}: {}", item.place, item.value)),
            Ok(None) => break,
            Err(error) => {
                found.push(error.to_string());
                if error.is_end() {
                    break;
                }
            }
        }
    }
    found.extend(
        documents
            .unfinished()
            .map(|line| format!("goes on: {line}")),
    );
    assert_eq!(found, expected);
}

#[test]
fn lines_are_items() {
    check("", &[]);
    check(" \n\r\n", &[]);
    check(
        "{\"a\":1}\n\n{\"b\":2}",
        &["line 1: {\"a\":1}", "line 3: {\"b\":2}"],
    );
    check("{\n\"a\":1}\n7\n", &["line 1: {\"a\":1}", "line 3: 7"]);
}

#[test]
fn arrays_and_pages_have_items() {
    check("\n[1,\n2]", &["line 2, item 1: 1", "line 2, item 2: 2"]);
    check(
        "{\"items\":[{}],\"cursor\":\"x\"}\n",
        &["line 1, item 1: {}", "goes on: 1"],
    );
    check(
        "{\"items\":[1],\"cursor\":\"x\"}{\"items\":[2]}",
        &["line 1, item 1: 1", "line 1, item 1: 2"],
    );
    // A thing may have anything in it.
    check(
        "{\"thingId\":\"a:b\",\"items\":[1]}",
        &["line 1: {\"thingId\":\"a:b\",\"items\":[1]}"],
    );
}

#[test]
fn what_has_no_end_ends_it() {
    check(
        "{\"a\":1",
        &["line 1, column 6: EOF while parsing an object; nothing from here on was read"],
    );
    check(
        "{}\nnonsense\n{}",
        &[
            "line 1: {}",
            "line 2, column 2: expected ident; nothing from here on was read",
        ],
    );
    check(
        "{\"a\":\"lost\n{\"b\":1}\n",
        &[
            "line 2, column 0: control character (\\u0000-\\u001F) found while parsing a string; \
             nothing from here on was read",
        ],
    );
    check(
        "7{\"a\":1}",
        &["line 1, column 0: documents run into each other; nothing from here on was read"],
    );
    check_bytes(
        b"\xef\xbb{}",
        &[
            "line 1, column 0: it cannot be read: it is neither JSON nor UTF-8; nothing from here on was read",
        ],
    );
}

#[test]
fn what_has_an_end_is_skipped() {
    check(
        "{}\n{\"a\":\n nul}\n{}",
        &[
            "line 1: {}",
            "line 3, column 5: expected ident; it was skipped",
            "line 4: {}",
        ],
    );
    check(
        "{\"a\":1,\"a\":[{\"}\\\"\":2}]}\n{}",
        &[
            "line 1, column 23: the member `a` is repeated; it was skipped",
            "line 2: {}",
        ],
    );
    let deep = format!("{}{}\n7", "[".repeat(200), "]".repeat(200));
    check(
        &deep,
        &[
            "line 1, column 128: recursion limit exceeded; it was skipped",
            "line 2: 7",
        ],
    );
    check_bytes(
        b"{\"a\":\"\xff\"}\n\"\xff\"\n{}",
        &[
            "line 1, column 7: invalid unicode code point; it was skipped",
            "line 2, column 2: invalid unicode code point; it was skipped",
            "line 3: {}",
        ],
    );
}

#[test]
fn byte_order_marks_are_no_documents() {
    check("\u{feff}{}\n\u{feff}\n{}", &["line 1: {}", "line 3: {}"]);
}
