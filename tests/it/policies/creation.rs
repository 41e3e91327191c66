//! Who may create things and policies, by the operator's rules.

use serde_json::{Value, json};
use tests::TestGateway;

use crate::given::{lamp, owned_by};

fn rules() -> Value {
    json!({ "policies": { "entity_creation": {
        "grant": [
            { "namespaces": ["acme", "acme.*"] },
            { "resource_types": ["thing"], "auth_subjects": ["nginx:ops-*"] }
        ],
        "revoke": [
            { "resource_types": ["policy"], "auth_subjects": ["nginx:guest"] },
            { "thing_definitions": ["acme:secret:*"] }
        ]
    } } })
}

#[tokio::test]
async fn what_no_rule_grants_is_not_created() {
    let gateway = TestGateway::start_with(rules()).await;
    let alice = gateway.as_subject("nginx:alice");
    let ops = gateway.as_subject("nginx:ops-7");
    let mut policy = owned_by("nginx:alice");
    let everything = policy["entries"]["owner"]["resources"].clone();
    policy["entries"]["others"] = json!({
        "subjects": { "nginx:guest": { "type": "test" }, "nginx:ops-7": { "type": "test" } },
        "resources": everything
    });
    let code = "entity.notcreatable";
    alice
        .put("/api/2/policies/acme.x:p", &policy)
        .await
        .expect(201);
    alice
        .put("/api/2/policies/other:p", &policy)
        .await
        .expect_error(403, code);
    alice
        .post("/api/2/policies", &policy)
        .await
        .expect_error(403, code);
    alice
        .put("/api/2/things/other:lamp", &lamp())
        .await
        .expect_error(403, code);

    // A guest changes what there is, and creates neither a policy nor a thing that needs one.
    let guest = gateway.as_subject("nginx:guest");
    let path = "/api/2/policies/acme.x:p";
    guest.put(path, &policy).await.expect(204);
    guest
        .put("/api/2/policies/acme.x:q", &policy)
        .await
        .expect_error(403, code);
    guest
        .put("/api/2/things/acme:lamp", &lamp())
        .await
        .expect_error(403, "things:thing.notcreatable");
    let mut thing = lamp();
    thing["policyId"] = json!("acme.x:p");
    guest
        .put("/api/2/things/acme:lamp", &thing)
        .await
        .expect(201);

    ops.put("/api/2/things/other:lamp", &thing)
        .await
        .expect(201);
    thing["definition"] = json!("acme:secret:1.0.0");
    ops.put("/api/2/things/other:secret", &thing)
        .await
        .expect_error(403, code);
    alice
        .get("/api/2/policies/other:p")
        .await
        .expect_error(404, "policies:policy.notfound");
}
