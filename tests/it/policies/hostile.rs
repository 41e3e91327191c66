//! Policies of attackers: imports that go round, that are missing, that go deep; ways to lock out and to climb; hostile names.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use tests::Caller;

use super::peer::{Talk, entry, owner, policy, with};

fn reader() -> Value {
    policy(
        json!({ "reader": entry(&["bob"], "+R thing:/") }),
        json!({}),
    )
}

fn importing(imports: Value) -> Value {
    policy(json!({ "reader": entry(&["bob"], "+R thing:/") }), imports)
}

#[tokio::test]
async fn imports_that_go_round_come_to_an_end() {
    let talk = Talk::start().await;
    for id in ["a:a", "a:b", "a:c"] {
        talk.put(&format!("alice {id}"), reader(), "201").await;
    }
    for (id, imports) in [
        ("a:a", json!({ "a:b": { "transitiveImports": ["a:c"] } })),
        ("a:b", json!({ "a:c": { "transitiveImports": ["a:a"] } })),
        ("a:c", json!({ "a:a": { "transitiveImports": ["a:b"] } })),
    ] {
        talk.put(&format!("alice {id}"), importing(imports), "204")
            .await;
    }
    // Two that import each other, without and with lists.
    talk.put("alice a:x", reader(), "201").await;
    talk.put("alice a:y", importing(json!({ "a:x": {} })), "201")
        .await;
    talk.put("alice a:x", importing(json!({ "a:y": {} })), "204")
        .await;
    talk.put(
        "alice a:x/imports/a:y",
        json!({ "transitiveImports": ["a:y"] }),
        "204",
    )
    .await;
    talk.put(
        "alice a:y/imports/a:x",
        json!({ "transitiveImports": ["a:x"] }),
        "204",
    )
    .await;
    for id in ["a:a", "a:b", "a:c", "a:x", "a:y"] {
        let thing = json!({ "policyId": id });
        talk.put(&format!("alice /things/{id}"), thing, "201").await;
        talk.get(&format!("bob /things/{id}"), "200").await;
        let resolved = talk.read(&format!("alice {id}?policy-view=resolved")).await;
        let labels = resolved["entries"]
            .as_object()
            .map_or(0, serde_json::Map::len);
        assert!((2..10).contains(&labels), "{id}: {resolved}");
        talk.delete(&format!("alice {id}/entries/reader"), "204")
            .await;
    }
    talk.get("bob /things/a:a", "404 things:thing.notfound")
        .await;
}

#[tokio::test]
async fn nobody_imports_himself_or_what_is_missing() {
    let talk = Talk::start().await;
    talk.put("alice a:p", reader(), "201").await;
    talk.put("alice a:roles", reader(), "201").await;
    let before = talk
        .read("alice a:p?fields=_revision,imports,entries")
        .await;
    let (invalid, missing) = (
        "400 policies:import.invalid",
        "404 policies:policy.notfound",
    );
    let through = json!({ "a:roles": { "transitiveImports": ["a:p"] } });
    for (path, body, expected) in [
        ("", importing(json!({ "a:p": {} })), invalid),
        ("/imports", json!({ "a:p": {} }), invalid),
        ("/imports/a:p", json!({}), invalid),
        ("/imports/a%3Ap", json!({}), invalid),
        ("", importing(through.clone()), invalid),
        ("/imports", through, invalid),
        (
            "/imports/a:roles",
            json!({ "transitiveImports": ["a:p"] }),
            invalid,
        ),
        ("", importing(json!({ "a:gone": {} })), missing),
        ("/imports", json!({ "a:gone": {}, "a:roles": {} }), missing),
        ("/imports/a:gone", json!({}), missing),
        (
            "/imports/a:gone",
            json!({ "entries": ["x"], "transitiveImports": ["a:roles"] }),
            missing,
        ),
    ] {
        talk.put(&format!("alice a:p{path}"), body, expected).await;
    }
    talk.reads("alice a:p?fields=_revision,imports,entries", before)
        .await;
    // One that goes later is as if it were empty, and what it lent is not lent any more.
    talk.put("alice a:p/imports/a:roles", json!({}), "201")
        .await;
    talk.delete("alice a:roles", "204").await;
    talk.get("alice a:p?policy-view=resolved", "200").await;
    talk.put("alice a:p", importing(json!({ "a:roles": {} })), missing)
        .await;
}

/// A chain of so many hops is followed to its end; one more and nobody can use the policy, nor be hurt by it.
#[tokio::test]
async fn chains_are_followed_to_the_depth_that_is_stated_and_no_further() {
    let talk = Talk::start().await;
    let bobs = json!({ "reader": entry(&["bob"], "+R thing:/") });
    talk.put("alice a:n0", policy(bobs, json!({})), "201").await;
    for at in 1..=11 {
        // Each hop lists what the next one imports, and what has been listed is not followed again.
        let mut import = json!({});
        if at >= 2 {
            import = json!({ "transitiveImports": [format!("a:n{}", at - 2)] });
        }
        let imports = json!({ format!("a:n{}", at - 1): import });
        talk.put(&format!("alice a:n{at}"), policy(json!({}), imports), "201")
            .await;
    }
    let thing = |at: u32| json!({ "policyId": format!("a:n{at}") });
    talk.put("alice /things/a:n11", thing(11), "201").await;
    talk.get("bob /things/a:n11", "200").await;
    let imports = json!({ "a:n11": { "transitiveImports": ["a:n10"] } });
    let deeper = policy(json!({}), imports);
    talk.put("alice a:n12", deeper, "400 policies:import.invalid")
        .await;
    talk.get("alice a:n12", "404 policies:policy.notfound")
        .await;
    talk.get("bob /things/a:n11", "200").await;
}

#[tokio::test]
async fn who_makes_a_chain_too_long_locks_nobody_out() {
    let talk = Talk::start().await;
    let bobs = json!({ "reader": entry(&["bob"], "+R thing:/") });
    talk.put("alice a:m0", policy(json!({}), json!({})), "201")
        .await;
    let base = json!({ "a:m0": {} });
    talk.put("alice a:m", policy(json!({}), base), "201").await;
    let imports = json!({ "a:m": { "transitiveImports": ["a:m0"] } });
    talk.put("alice a:n", policy(bobs, imports), "201").await;
    let thing = json!({ "policyId": "a:n" });
    talk.put("alice /things/a:n", thing, "201").await;
    // Further down more policies, each of which lists what the next one imports.
    talk.put("alice a:k11", policy(json!({}), json!({})), "201")
        .await;
    for at in (2..11).rev() {
        let next = format!("a:k{}", at + 1);
        let after = format!("a:k{}", at + 2);
        let import = match at {
            10 => json!({}),
            _ => json!({ "transitiveImports": [after] }),
        };
        let longer = policy(json!({}), json!({ next: import }));
        talk.put(&format!("alice a:k{at}"), longer, "201").await;
    }
    let longer = json!({ "a:k2": { "transitiveImports": ["a:k3"] } });
    talk.put("alice a:m0", policy(json!({}), longer), "204")
        .await;
    let longer = json!({ "a:m0": { "transitiveImports": ["a:k2"] } });
    talk.put("alice a:m", policy(json!({}), longer), "204")
        .await;
    talk.get("alice a:n", "200").await;
    talk.get("bob /things/a:n", "200").await;
    talk.get("alice /things?ids=a:n", "200").await;
    talk.put("alice a:n/imports", json!({}), "204").await;
}

/// Path below Bob's policy, body, and the refusal.
const CLIMBS: [(&str, &str, &str); 12] = [
    // A label that looks as if it had been imported.
    (
        "/entries/imported-a:roles-boss",
        "{}",
        "400 policies:label.invalid",
    ),
    ("/entries/importedStuff", "{}", "400 policies:label.invalid"),
    (
        "/entries/nsimported-a:root-x",
        "{}",
        "400 policies:label.invalid",
    ),
    ("/entries/%69mported-x", "{}", "400 policies:label.invalid"),
    (
        "/entries",
        r#"{"imported-x":{"subjects":{},"resources":{}}}"#,
        "400 policies:label.invalid",
    ),
    (
        "/imports/a:roles",
        r#"{"entries":["imported-a:far-x"]}"#,
        "400 policies:label.invalid",
    ),
    // What may not be read is neither imported nor referred to.
    ("/imports/a:roles", "{}", "404 policies:policy.notfound"),
    (
        "/imports/a:roles",
        r#"{"entries":["boss"]}"#,
        "404 policies:policy.notfound",
    ),
    (
        "/entries/owner/references",
        r#"[{"import":"a:roles","entry":"boss"}]"#,
        "400 policies:import.invalid",
    ),
    (
        "/entries/owner/references",
        r#"[{"import":"a:roles","entry":"crew"}]"#,
        "404 policies:policy.notfound",
    ),
    // Placeholders name the writer, and nothing else.
    (
        "/entries/owner/subjects/%7B%7B%20header:x%20%7D%7D",
        r#"{"type":"x"}"#,
        "400 placeholder:placeholder.notresolvable",
    ),
    (
        "/entries/owner/subjects/%7B%7B%20jwt:sub%20%7D%7D",
        r#"{"type":"x"}"#,
        "400 placeholder:placeholder.notresolvable",
    ),
];

#[tokio::test]
async fn nobody_climbs_by_labels_references_or_placeholders() {
    let talk = Talk::start().await;
    let never = with(
        entry(&["alice"], "+RW thing:/"),
        json!({ "importable": "never" }),
    );
    let roles = json!({ "boss": never, "crew": entry(&["bob"], "+R thing:/") });
    talk.put("alice a:roles", policy(roles, json!({})), "201")
        .await;
    let owner = with(
        entry(&["bob"], "+RW policy:/"),
        json!({ "importable": "never" }),
    );
    talk.put(
        "bob a:bobs",
        json!({ "entries": { "owner": owner } }),
        "201",
    )
    .await;
    let before = talk.read("bob a:bobs").await;
    for (path, body, expected) in CLIMBS {
        let mut body: Value = serde_json::from_str(body).expect("JSON");
        if path.starts_with("/entries/") && body == json!({}) {
            body = entry(&["bob"], "+W thing:/");
        }
        talk.put(&format!("bob a:bobs{path}"), body, expected).await;
    }
    talk.reads("bob a:bobs", before).await;
    forged_callers(&talk).await;
}

/// Whoever is called as a placeholder, or as what one becomes, is nobody else by it.
async fn forged_callers(talk: &Talk) {
    let mine = json!({ "entries": { "owner": entry(&["kim"], "+RW policy:/, +RW thing:/") } });
    talk.put("kim a:kims", mine, "201").await;
    talk.put("kim /things/a:kims", json!({ "policyId": "a:kims" }), "201")
        .await;
    for forged in [
        "{{ request:subjectId }}",
        "nginx:{{ request:subjectId }}",
        "nginx:kim,nginx:kim{",
        "nginx:KIM",
        "NGINX:kim",
        "nginx:kim ",
    ] {
        let caller = talk.gateway.as_subject(forged);
        let answer = caller.get("/api/2/things/a:kims").await;
        let harmless = [400, 401, 404].contains(&answer.status)
            || forged.trim_end() == "nginx:kim"
            || forged.contains(',');
        assert!(harmless, "{forged}: {} {}", answer.status, answer.body);
    }
}

/// Method and path below `/api/2/policies/`, and the refusal: names that are none, or that could be read in two ways.
const NAMES: [(&str, &str); 24] = [
    ("PUT a:p/entries/a%2Fb", "400 policies:entry.invalid"),
    ("PUT a:p/entries/a%00b", "400"),
    ("PUT a:p/entries/%FF", "400"),
    ("PUT a:p/entries/%C2%80", "400 policies:entry.invalid"),
    ("PUT a:p/entries/%C3%A9", "400 policies:entry.invalid"),
    ("PUT a:p/entries/%0D%0Ax", "400"),
    ("PUT a:p/entries/%252e%252e", "400"),
    ("PUT a:p/entries/..", "400"),
    ("PUT a:p//entries/x", "400"),
    ("PUT a:p/entries/x;y=1/subjects", "400"),
    ("PUT a:p/Entries/x", "404"),
    ("PUT a:p/%65ntries/x", "400"),
    ("PUT a:p/entries/LONG", "400 policies:entry.invalid"),
    ("PUT a:LONG", "400 policies:id.invalid"),
    ("PUT 1a:p", "400 policies:id.invalid"),
    ("PUT a..b:p", "400 policies:id.invalid"),
    ("PUT a:p%C3%A9", "400 policies:id.invalid"),
    ("PUT a:", "400 policies:id.invalid"),
    (
        "PUT a:p/entries/x/subjects/nocolon",
        "400 policies:subjectid.invalid",
    ),
    ("PUT a:p/entries/x/subjects/a:%0Ab", "400"),
    (
        "PUT a:p/entries/x/subjects/a:LONG",
        "400 policies:subjectid.invalid",
    ),
    ("PUT a:p/entries/x/resources/thing", "400"),
    ("PUT a:p/entries/x/resources/thing:%2F%2Fx", "400"),
    ("PUT a:p/entries/x/resources/thing:/LONG", "400"),
];

#[tokio::test]
async fn hostile_names_are_refused() {
    let talk = Talk::start().await;
    talk.put("alice a:p", reader(), "201").await;
    talk.put("alice a:p/entries/x", entry(&[], ""), "201").await;
    let alice = talk.gateway.as_subject("nginx:alice");
    for (request, expected) in NAMES {
        let path = request.strip_prefix("PUT ").unwrap_or(request);
        let path = path.replace("LONG", &"l".repeat(257));
        let told = raw_put(&alice, &path, &entry(&[], "+R thing:/")).await;
        assert!(told.starts_with(expected), "{path}: {told}");
    }
    for (body, expected) in hostile_bodies() {
        let json = [("content-type", "application/json")];
        let path = "/api/2/policies/a:p/entries/x";
        let answer = alice
            .send(Method::PUT, path, &json, Some(body.clone()))
            .await;
        assert_eq!(
            answer.status_and_code(),
            expected,
            "{body}: {}",
            answer.body
        );
    }
    talk.reads("alice a:p?fields=_revision", json!({ "_revision": 2 }))
        .await;
}

fn hostile_bodies() -> Vec<(String, &'static str)> {
    let subject =
        |id: &str| format!(r#"{{"subjects":{{"{id}":{{"type":"x"}}}},"resources":{{}}}}"#);
    let resource = |key: &str| {
        format!(r#"{{"subjects":{{}},"resources":{{"{key}":{{"grant":["READ"],"revoke":[]}}}}}}"#)
    };
    let long = "l".repeat(260);
    vec![
        (subject("nocolon"), "400 policies:subjectid.invalid"),
        (
            subject(&format!("a:{long}")),
            "400 policies:subjectid.invalid",
        ),
        (subject(r"a:\u0007"), "400 policies:subjectid.invalid"),
        (subject(r"a:\u0000"), "400 json.invalid"),
        (
            subject("{{ request:unknown }}"),
            "400 placeholder:placeholder.notresolvable",
        ),
        (resource("thing"), "400 policies:entry.invalid"),
        (
            resource(&format!("thing:/{long}")),
            "400 policies:entry.invalid",
        ),
        (resource("thing:/a//b"), "400 policies:entry.invalid"),
        (
            r#"{"subjects":{"a:b":{"type":"x"},"a:b":{"type":"y"}},"resources":{}}"#.to_owned(),
            "400 json.invalid",
        ),
        (
            r#"{"subjects":{},"resources":{"thing:/":{"grant":["READ"]}}}"#.to_owned(),
            "400 json.field.missing",
        ),
        (
            format!("{}1{}", "[".repeat(3000), "]".repeat(3000)),
            "400 json.invalid",
        ),
    ]
}

/// Sends the path as it stands, byte by byte, and returns status and code.
async fn raw_put(caller: &Caller, path: &str, body: &Value) -> String {
    let body = body.to_string();
    let mut request = format!(
        "PUT /api/2/policies/{path} HTTP/1.1\r\nHost: {}\r\n",
        caller.address()
    );
    for (name, value) in caller.headers() {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(
        request,
        "Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = tests::raw_exchange(caller.address(), request.as_bytes()).await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match body["error"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status,
    }
}

/// A writer of one entry cannot lock the others out by what he may write.
#[tokio::test]
async fn nobody_takes_a_policy_away_from_its_owners() {
    let talk = Talk::start().await;
    let crew = entry(&["bob"], "+RW policy:/entries/crew, +RW policy:/imports");
    talk.put(
        "alice a:p",
        policy(json!({ "crew": crew.clone() }), json!({})),
        "201",
    )
    .await;
    let locked = "403 policies:entry.modificationinvalid";
    let with_revoke = with(
        crew.clone(),
        json!({
            "subjects": { "nginx:alice": { "type": "test" } },
            "resources": { "policy:/": { "grant": [], "revoke": ["WRITE"] } },
        }),
    );
    talk.put("bob a:p/entries/crew", with_revoke.clone(), locked)
        .await;
    let other_type = with(
        with_revoke,
        json!({ "subjects": { "nginx:alice": { "type": "other" } } }),
    );
    talk.put("bob a:p/entries/crew", other_type, locked).await;
    // An import of Bob's that revokes.
    let bobs = json!({ "entries": {
        "owner": with(entry(&["bob"], "+RW policy:/"), json!({ "importable": "never" })),
        "thief": entry(&["alice"], "-W policy:/"),
    } });
    let thief = with(
        bobs,
        json!({ "entries": { "thief": { "importable": "implicit" } } }),
    );
    talk.put("bob a:thief", thief, "201").await;
    let refused = talk.gateway.as_subject("nginx:bob");
    let refused = refused
        .put("/api/2/policies/a:p/imports/a:thief", &json!({}))
        .await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    talk.put("alice a:p/entries/owner", owner(), "204").await;
    talk.reads("alice a:p/imports", json!({})).await;
}
