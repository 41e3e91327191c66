//! Started with nothing but a folder, the gateway serves and shows its credentials once.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tests::TestGateway;

#[tokio::test]
async fn a_first_start_leaves_credentials_that_work() {
    let gateway = TestGateway::start_unconfigured().await;
    let owner = gateway.as_bearer(&gateway.first_api_key());
    owner
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    owner.get("/api/2/things/org.acme:lamp").await.expect(200);
    gateway
        .as_operator()
        .get("/devops/logging")
        .await
        .expect(200);
}

#[tokio::test]
async fn nobody_enters_without_the_first_credentials() {
    let gateway = TestGateway::start_unconfigured().await;
    let answer = gateway.anonymous().get("/api/2/whoami").await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    answer.expect_error(401, "gateway:authentication.failed");
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(401);
    gateway
        .operators_door()
        .get("/devops/logging")
        .await
        .expect(401);
}

#[tokio::test]
async fn the_first_credentials_are_for_the_owner_of_the_process_only() {
    let gateway = TestGateway::start_unconfigured().await;
    for name in ["first-credentials", "bootstrap.yaml"] {
        let mode = fs::metadata(gateway.data().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let hashes = fs::read_to_string(gateway.data().join("bootstrap.yaml")).unwrap();
    for secret in [gateway.first_api_key(), gateway.first_operator_password()] {
        assert!(!hashes.contains(&secret), "a secret is stored in clear");
        assert!(!gateway.log().contains(&secret), "a secret is logged");
    }
}

#[tokio::test]
async fn a_second_start_keeps_twins_and_credentials() {
    let gateway = TestGateway::start_unconfigured().await;
    let (key, password) = (gateway.first_api_key(), gateway.first_operator_password());
    gateway
        .as_bearer(&key)
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);

    let gateway = gateway.restart().await;

    let answer = gateway
        .as_bearer(&key)
        .get("/api/2/things/org.acme:lamp?fields=_revision")
        .await;
    assert_eq!(answer.expect(200).json(), json!({ "_revision": 1 }));
    gateway
        .operators_door()
        .basic("devops", &password)
        .get("/devops/logging")
        .await
        .expect(200);
    assert_eq!(
        gateway.first_api_key(),
        key,
        "a second start makes no second key"
    );
}

#[tokio::test]
async fn it_ends_orderly_when_asked() {
    let gateway = TestGateway::start_unconfigured().await;
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn an_unknown_key_in_the_configuration_refuses_to_start() {
    let failure =
        TestGateway::try_start(json!({ "http_server": { "listen_adr": "127.0.0.1:0" } })).await;
    let failure = failure.expect_err("it must not start");
    assert_eq!(failure.status.code(), Some(78));
    assert!(
        failure.stderr.contains("listen_adr") && failure.stderr.contains("listen_addr"),
        "{}",
        failure.stderr
    );
}

#[tokio::test]
async fn plain_http_beyond_this_machine_refuses_to_start() {
    let failure =
        TestGateway::try_start(json!({ "http_server": { "listen_addr": "0.0.0.0:0" } })).await;
    assert_eq!(
        failure.expect_err("it must not start").status.code(),
        Some(78)
    );
}
