//! Every route refuses every bad credential, and tells a stranger nothing.

use reqwest::Method;
use tests::{Answer, Caller, OidcProvider, TestGateway, TokenShape, eventually, merged};

use crate::credentials::{tampered, unsigned};
use crate::given::{given_lamp, owned_by};

/// Method, path, body and what a stranger gets: every route below `/api/2`, on things and policies that exist.
const ROUTES: [(&str, &str, &str, &str); 102] = [
    ("GET", "whoami", "", "200"),
    ("GET", "things?ids=a:t", "", "200"),
    ("POST", "things", "{}", "201"),
    ("GET", "things/a:t", "", "404 things:thing.notfound"),
    ("PUT", "things/a:t", "{}", "403 things:thing.notmodifiable"),
    (
        "PATCH",
        "things/a:t",
        r#"{"attributes":{"x":1}}"#,
        "403 things:thing.notmodifiable",
    ),
    ("DELETE", "things/a:t", "", "403 things:thing.notdeletable"),
    (
        "POST",
        "things/a:t/migrateDefinition",
        r#"{"thingDefinitionUrl":"https://models.example/m"}"#,
        "403 things:thing.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/policyId",
        "",
        "404 things:policyId.notfound",
    ),
    (
        "PUT",
        "things/a:t/policyId",
        r#""a:t""#,
        "403 things:policyId.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/definition",
        "",
        "404 things:definition.notfound",
    ),
    (
        "PUT",
        "things/a:t/definition",
        r#""a:b:1""#,
        "403 things:definition.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/definition",
        "",
        "403 things:definition.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/attributes",
        "",
        "404 things:attributes.notfound",
    ),
    (
        "PUT",
        "things/a:t/attributes",
        "{}",
        "403 things:attributes.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/attributes",
        r#"{"x":1}"#,
        "403 things:thing.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/attributes",
        "",
        "403 things:attributes.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/attributes/serial",
        "",
        "404 things:attribute.notfound",
    ),
    (
        "PUT",
        "things/a:t/attributes/serial",
        "1",
        "403 things:attribute.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/attributes/serial",
        "1",
        "403 things:thing.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/attributes/serial",
        "",
        "403 things:attribute.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features",
        "",
        "404 things:features.notfound",
    ),
    (
        "PUT",
        "things/a:t/features",
        "{}",
        "403 things:features.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features",
        "",
        "403 things:features.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features/lamp",
        "",
        "404 things:feature.notfound",
    ),
    (
        "PUT",
        "things/a:t/features/lamp",
        "{}",
        "403 things:feature.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features/lamp",
        "",
        "403 things:feature.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features/lamp/definition",
        "",
        "404 things:feature.definition.notfound",
    ),
    (
        "PUT",
        "things/a:t/features/lamp/definition",
        r#"["a:b:1"]"#,
        "403 things:feature.definition.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features/lamp/properties",
        "",
        "404 things:feature.properties.notfound",
    ),
    (
        "PUT",
        "things/a:t/features/lamp/properties",
        "{}",
        "403 things:feature.properties.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features/lamp/properties/on",
        "",
        "404 things:feature.property.notfound",
    ),
    (
        "PUT",
        "things/a:t/features/lamp/properties/on",
        "true",
        "403 things:feature.property.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features/lamp/properties/on",
        "",
        "403 things:feature.property.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features/lamp/desiredProperties",
        "",
        "404 things:feature.desiredProperties.notfound",
    ),
    (
        "PUT",
        "things/a:t/features/lamp/desiredProperties/on",
        "1",
        "403 things:feature.desiredProperty.notmodifiable",
    ),
    (
        "POST",
        "things/a:t/inbox/messages/x?timeout=0",
        r#""?""#,
        "403 messages:send.notallowed",
    ),
    (
        "POST",
        "things/a:t/outbox/messages/x/y?timeout=0",
        r#""?""#,
        "403 messages:send.notallowed",
    ),
    (
        "POST",
        "things/a:t/features/lamp/inbox/messages/x?timeout=0",
        r#""?""#,
        "403 messages:send.notallowed",
    ),
    (
        "POST",
        "things/a:t/features/lamp/outbox/messages/x?timeout=0",
        r#""?""#,
        "403 messages:send.notallowed",
    ),
    ("POST", "things/a:t/inbox/claim?timeout=0", r#""?""#, "202"),
    (
        "GET",
        "things/a:t?channel=live&timeout=1ms",
        "",
        "404 things:thing.notfound",
    ),
    (
        "PUT",
        "things/a:t/attributes/serial?channel=live&timeout=1ms",
        "1",
        "403 things:attribute.notmodifiable",
    ),
    ("POST", "policies", "", "400 json.invalid"),
    ("GET", "policies/a:t", "", "404 policies:policy.notfound"),
    (
        "PUT",
        "policies/a:t",
        r#"{"entries":{}}"#,
        "403 policies:policy.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t",
        "",
        "403 policies:policy.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries",
        "",
        "404 policies:policy.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries",
        "{}",
        "403 policies:policy.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT",
        "",
        "404 policies:entry.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/x",
        r#"{"subjects":{},"resources":{}}"#,
        "403 policies:entry.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/entries/DEFAULT",
        "",
        "403 policies:entry.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/subjects",
        "",
        "404 policies:subjects.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/subjects",
        "{}",
        "403 policies:subjects.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/subjects/nginx:owner",
        "",
        "404 policies:subject.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/subjects/a:b",
        r#"{"type":"x"}"#,
        "403 policies:subject.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/entries/DEFAULT/subjects/nginx:owner",
        "",
        "403 policies:subject.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/resources",
        "",
        "404 policies:resources.notfound",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/resources/thing:/",
        "",
        "404 policies:resource.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/resources/thing:/x",
        r#"{"grant":[],"revoke":[]}"#,
        "403 policies:resource.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/entries/DEFAULT/resources/thing:/",
        "",
        "403 policies:resource.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/imports",
        "",
        "404 policies:imports.notfound",
    ),
    (
        "PUT",
        "policies/a:t/imports",
        "{}",
        "403 policies:imports.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/imports/a:p",
        "",
        "404 policies:import.notfound",
    ),
    (
        "PUT",
        "policies/a:t/imports/a:p",
        "{}",
        "404 policies:policy.notfound",
    ),
    ("POST", "checkPermissions", "{}", "200"),
    (
        "PATCH",
        "things/a:t/policyId",
        r#""a:p""#,
        "403 things:thing.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/definition",
        r#""a:b:1""#,
        "403 things:thing.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/features",
        r#"{"x":{}}"#,
        "403 things:thing.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/features/lamp",
        r#"{"properties":{}}"#,
        "403 things:thing.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/features/lamp/definition",
        r#"["a:b:1"]"#,
        "403 things:thing.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features/lamp/definition",
        "",
        "403 things:feature.definition.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/features/lamp/properties",
        r#"{"x":1}"#,
        "403 things:thing.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features/lamp/properties",
        "",
        "403 things:feature.properties.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/features/lamp/properties/on",
        "true",
        "403 things:thing.notmodifiable",
    ),
    (
        "PUT",
        "things/a:t/features/lamp/desiredProperties",
        "{}",
        "403 things:feature.desiredProperties.notmodifiable",
    ),
    (
        "PATCH",
        "things/a:t/features/lamp/desiredProperties",
        "{}",
        "403 things:thing.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features/lamp/desiredProperties",
        "",
        "403 things:feature.desiredProperties.notmodifiable",
    ),
    (
        "GET",
        "things/a:t/features/lamp/desiredProperties/on",
        "",
        "404 things:feature.desiredProperty.notfound",
    ),
    (
        "PATCH",
        "things/a:t/features/lamp/desiredProperties/on",
        "true",
        "403 things:thing.notmodifiable",
    ),
    (
        "DELETE",
        "things/a:t/features/lamp/desiredProperties/on",
        "",
        "403 things:feature.desiredProperty.notmodifiable",
    ),
    (
        "POST",
        "policies/a:t/actions/activateTokenIntegration",
        "",
        "400 policies:action.failed",
    ),
    (
        "POST",
        "policies/a:t/actions/deactivateTokenIntegration",
        "",
        "400 policies:action.failed",
    ),
    (
        "POST",
        "policies/a:t/entries/DEFAULT/actions/activateTokenIntegration",
        "",
        "400 policies:action.failed",
    ),
    (
        "POST",
        "policies/a:t/entries/DEFAULT/actions/deactivateTokenIntegration",
        "",
        "400 policies:action.failed",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/resources",
        "{}",
        "403 policies:resources.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/namespaces",
        "",
        "404 policies:entry.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/namespaces",
        "[]",
        "403 policies:entry.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/importable",
        "",
        "404 policies:entry.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/importable",
        r#""never""#,
        "403 policies:entry.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/allowedAdditions",
        "",
        "404 policies:entry.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/allowedAdditions",
        "[]",
        "403 policies:entry.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/entries/DEFAULT/allowedAdditions",
        "",
        "403 policies:entry.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/entries/DEFAULT/references",
        "",
        "404 policies:entry.notfound",
    ),
    (
        "PUT",
        "policies/a:t/entries/DEFAULT/references",
        "[]",
        "403 policies:entry.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/entries/DEFAULT/references",
        "",
        "403 policies:entry.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/imports",
        "",
        "403 policies:imports.notmodifiable",
    ),
    (
        "DELETE",
        "policies/a:t/imports/a:p",
        "",
        "403 policies:import.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/imports/a:p/entries",
        "",
        "404 policies:import.notfound",
    ),
    (
        "PUT",
        "policies/a:t/imports/a:p/entries",
        "[]",
        "403 policies:import.notmodifiable",
    ),
    (
        "GET",
        "policies/a:t/imports/a:p/transitiveImports",
        "",
        "404 policies:import.notfound",
    ),
    (
        "PUT",
        "policies/a:t/imports/a:p/transitiveImports",
        "[]",
        "403 policies:import.notmodifiable",
    ),
];

#[tokio::test]
async fn no_route_answers_a_bad_credential() {
    let (provider, other) = (OidcProvider::start().await, OidcProvider::start().await);
    let strict = serde_json::json!({ "auth": { "oauth": { "allowed_clock_skew": "0s" } }, "limits": { "per_source": false } });
    let gateway = TestGateway::start_with(merged(provider.trusted(), strict)).await;
    given_lamp(&gateway.as_subject("nginx:owner"), "a:t").await;
    let token = provider.token("alice").await;
    let callers = [
        ("no credential", gateway.anonymous()),
        (
            "an expired token",
            gateway.as_bearer(&expired(&gateway, &provider).await),
        ),
        (
            "a token of another issuer",
            gateway.as_bearer(&other.token("alice").await),
        ),
        (
            "a token of another key",
            gateway.as_bearer(&tampered(&token)),
        ),
        (
            "a token without a signature",
            gateway.as_bearer(&unsigned(&token)),
        ),
        (
            "an unknown API key",
            gateway.as_bearer("tww_live_0000000000000000000000000000000000"),
        ),
    ];
    for (what, caller) in callers {
        for route in ROUTES {
            let answer = call(&caller, route).await;
            assert_eq!(
                answer.status, 401,
                "{what} at {} {}: {}",
                route.0, route.1, answer.body
            );
            assert!(
                !answer.body.contains("A-1"),
                "{what} at {} {}: {}",
                route.0,
                route.1,
                answer.body
            );
        }
        let refusal = caller.web_socket().await.err().map(|(status, _)| status);
        assert_eq!(refusal, Some(401), "{what} at the WebSocket");
        let refusal = caller
            .events("/api/2/things")
            .await
            .err()
            .map(|answer| answer.status);
        assert_eq!(refusal, Some(401), "{what} at the events");
    }
}

/// The table above lacks nothing that the gateway serves; streams and messages are tried by tests of their own.
#[tokio::test]
async fn every_route_is_in_the_table() {
    let gateway = TestGateway::start().await;
    let document = gateway.anonymous().get("/openapi.json").await.json();
    let mut missing = Vec::new();
    for (template, item) in document["paths"].as_object().expect("paths") {
        let Some(template) = template.strip_prefix("/api/2/") else {
            continue;
        };
        for (method, operation) in item.as_object().expect("operations") {
            let is_here = ROUTES
                .iter()
                .any(|(name, path, ..)| name.eq_ignore_ascii_case(method) && is_at(template, path));
            let is_message = operation["tags"][0] == "Messages";
            if method != "parameters" && !is_message && !is_here {
                missing.push(format!("{method} {template}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether a path is one that a template stands for; what ends in a parameter may have any number of segments there.
fn is_at(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted.starts_with('{') || wanted == given => {
                let is_tail = wanted.ends_with("Path}") || wanted == "{subjectId}";
                if is_tail {
                    return true;
                }
            }
            (Some(_) | None, _) => return false,
        }
    }
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let gateway =
        TestGateway::start_with(serde_json::json!({ "limits": { "per_source": false } })).await;
    let owner = gateway.as_subject("nginx:owner");
    owner
        .put("/api/2/policies/a:p", &owned_by("nginx:owner"))
        .await
        .expect(201);
    given_lamp(&owner, "a:t").await;
    let before = owner.get("/api/2/things/a:t").await.expect(200).body;
    let stranger = gateway.as_subject("nginx:stranger");
    let mut surprises = Vec::new();
    for route in ROUTES {
        let answer = call(&stranger, route).await;
        if answer.status_and_code() != route.3 || answer.body.contains("A-1") {
            surprises.push(format!(
                "{} {}: {} {}, not {}",
                route.0, route.1, answer.status, answer.body, route.3
            ));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(
        owner.get("/api/2/things/a:t").await.expect(200).body,
        before
    );
}

async fn call(caller: &Caller, (method, path, body, _): (&str, &str, &str, &str)) -> Answer {
    let media_type = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let body = (method != Method::GET && method != Method::DELETE).then(|| body.to_owned());
    let headers = body.as_ref().map(|_| ("content-type", media_type));
    caller
        .send(method, &format!("/api/2/{path}"), headers.as_slice(), body)
        .await
}

/// A token that was good a moment ago.
async fn expired(gateway: &TestGateway, provider: &OidcProvider) -> String {
    let token = provider
        .token_of(
            "alice",
            TokenShape {
                lifetime_seconds: 1,
                ..TokenShape::default()
            },
        )
        .await;
    let caller = gateway.as_bearer(&token);
    eventually("the end of a token", || async {
        (caller.get("/api/2/whoami").await.status == 401).then_some(())
    })
    .await;
    token
}
