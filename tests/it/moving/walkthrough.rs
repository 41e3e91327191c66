//! `docs/backup.md`, pasted into a shell line by line, with a gateway that is stopped where the page says so.

use serde_json::{Value, json};
use tests::{Issuer, Reply, TestGateway, gateway_executable};

use crate::given::owned_by;
use crate::pages::{blocks, check, commands, on_this_machine};

const PAGE: &str = include_str!("../../../docs/backup.md");

#[tokio::test]
async fn the_page_is_right() {
    let gateway = TestGateway::start_unconfigured().await;
    let owner = gateway.as_bearer(&gateway.first_api_key());
    let thing = json!({ "attributes": { "serial": "A-1" } });
    let created = owner.put("/api/2/things/org.acme:lamp", &thing).await;
    created.expect(201);
    let (running, stopped) = PAGE
        .split_once("## A copy of a stopped store")
        .expect("the page has this heading");
    // What goes wrong is shown like everything else.
    let executable = gateway_executable().await;
    let before = format!(
        "exec 2>&1\nPASSWORD={}\ntwinward() {{ {} \"$@\"; }}",
        gateway.first_operator_password(),
        executable.display()
    );
    let listener = ("127.0.0.1:8081", gateway.endpoints().devops.clone());
    let steps = on_this_machine(commands(running), &[listener]);
    check(&steps, &before, gateway.folder()).await;
    let gateway = gateway.stop().await;
    let steps = commands(stopped);
    assert!(steps.len() >= 10, "the page has {} steps", steps.len());
    check(&steps, &before, gateway.folder()).await;
}

/// What the page fetches, from an installation that has two things with one policy, on a page of the search each. The policy
/// imports another, by which `owner` may read, and that imports the first.
async fn another_installation(owner: &str) -> Issuer {
    let times = json!({ "_created": "2025-01-02T03:04:05Z", "_modified": "2025-02-03T04:05:06Z" });
    let thing = |name: &str| {
        let thing =
            json!({ "thingId": name, "policyId": "org.acme:shared", "attributes": { "of": name } });
        tests::merged(thing, times.clone())
    };
    let mut shared = tests::merged(owned_by("nginx:somebody"), times.clone());
    shared["policyId"] = "org.acme:shared".into();
    shared["imports"] = json!({ "org.acme:roles": { "entries": [] } });
    let mut roles = tests::merged(owned_by(owner), times.clone());
    roles["policyId"] = "org.acme:roles".into();
    roles["imports"] = json!({ "org.acme:shared": { "entries": [] } });
    let installation = Issuer::start(&[]).await;
    // Digits of escapes are large or small, as the version of curl has it.
    let small = |path: &str| {
        ["%2B", "%2C", "%2F", "%3D"]
            .iter()
            .fold(path.to_owned(), |path, escape| {
                path.replace(escape, &escape.to_ascii_lowercase())
            })
    };
    let reply = |path: &str, body: Value| {
        for path in [path.to_owned(), small(path)] {
            installation.reply(&path, Reply::Body(body.to_string()));
        }
    };
    let fields = "thingId%2CpolicyId%2Cdefinition%2Cattributes%2Cfeatures%2C_created%2C_modified%2C_metadata";
    let search = format!("/api/2/search/things?fields={fields}&option=size%28200%29");
    let first = json!({ "items": [thing("org.acme:lamp")], "cursor": "a+b/=" });
    reply(&search, first);
    let second = json!({ "items": [thing("org.acme:saw")] });
    reply(&format!("{search}%2Ccursor%28a%2Bb%2F%3D%29"), second);
    let fields = "policyId,imports,entries,_created,_modified";
    for (name, policy) in [("shared", shared), ("roles", roles)] {
        reply(
            &format!("/api/2/policies/org.acme%3A{name}?fields={fields}"),
            policy,
        );
    }
    installation
}

#[tokio::test]
async fn another_installation_moves_as_the_page_says() {
    let gateway = TestGateway::start_unconfigured().await;
    let key = gateway.first_api_key();
    let who = gateway
        .as_bearer(&key)
        .get("/api/2/whoami")
        .await
        .expect(200)
        .json();
    let installation = another_installation(who["defaultSubject"].as_str().expect("text")).await;
    let stopped = gateway.stop().await;
    let (_, section) = PAGE
        .split_once("## Moving from Eclipse Ditto")
        .expect("a heading");
    let before = format!(
        "DITTO=http://{}\ntwinward() {{ {} \"$@\"; }}",
        installation.issuer(),
        gateway_executable().await.display()
    );
    let steps = blocks(section);
    assert_eq!(steps.len(), 1, "one block is all that it takes");
    check(&steps, &before, stopped.folder()).await;
    assert_eq!(installation.all_requests().len(), 4, "each once");
    let gateway = stopped.again().await;
    // Its reader is one by the policy that the thing does not name.
    let path = "/api/2/things/org.acme:saw?fields=policyId,attributes,_created,_modified";
    let moved = gateway.as_bearer(&key).get(path).await.expect(200).json();
    let expected = json!({
        "policyId": "org.acme:shared", "attributes": { "of": "org.acme:saw" },
        "_created": "2025-01-02T03:04:05Z", "_modified": "2025-02-03T04:05:06Z",
    });
    assert_eq!(moved, expected);
}
