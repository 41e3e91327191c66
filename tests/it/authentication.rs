//! Who a caller is, and that nobody becomes somebody else: proxy, tokens, API keys.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Caller, Nginx, OidcProvider, TestGateway, TokenShape, deadline, eventually, merged,
    raw_exchange,
};

use crate::credentials::{signed_with_public_text, tampered, unsigned, with_claims, with_header};
use crate::given::given_lamp;

mod every_route;

async fn who(caller: &Caller) -> Value {
    caller.get("/api/2/whoami").await.expect(200).json()["defaultSubject"].clone()
}

#[tokio::test]
async fn a_user_of_the_proxy_owns_what_he_creates() {
    let gateway = TestGateway::start().await;
    let nginx = Nginx::start(&gateway.endpoints().public, &[("ditto", "s3cret")]).await;
    let ditto = nginx.as_user("ditto", "s3cret");

    ditto
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);

    let policy = ditto
        .get("/api/2/policies/org.acme:lamp")
        .await
        .expect(200)
        .json();
    let subjects = &policy["entries"]["DEFAULT"]["subjects"];
    assert!(subjects.get("nginx:ditto").is_some(), "{policy}");
    nginx
        .as_user("ditto", "wrong")
        .get("/api/2/whoami")
        .await
        .expect(401);
    nginx.stop().await;
}

#[tokio::test]
async fn a_client_behind_the_proxy_cannot_name_itself() {
    let gateway = TestGateway::start().await;
    let nginx = Nginx::start(&gateway.endpoints().public, &[("ditto", "s3cret")]).await;
    let liar = nginx
        .as_user("ditto", "s3cret")
        .with("x-ditto-pre-authenticated", "nginx:root");
    assert_eq!(who(&liar).await, "nginx:ditto");
    nginx.stop().await;
}

#[tokio::test]
async fn an_identity_from_an_untrusted_peer_is_none() {
    let untrusted =
        json!({ "auth": { "pre_authenticated": { "trusted_proxies": ["192.0.2.0/24"] } } });
    let gateway = TestGateway::start_with(untrusted).await;
    let answer = gateway.as_subject("nginx:alice").get("/api/2/whoami").await;
    answer.expect_error(401, "gateway:authentication.failed");
}

#[tokio::test]
async fn an_identity_is_none_while_the_flag_is_off() {
    let gateway =
        TestGateway::start_with(json!({ "auth": { "pre_authenticated": { "enabled": false } } }))
            .await;
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(401);
}

#[tokio::test]
async fn an_identity_in_the_query_is_refused() {
    let gateway = TestGateway::start().await;
    let path = "/api/2/whoami?x-ditto-pre-authenticated=nginx:alice";
    gateway.anonymous().get(path).await.expect(400);
    gateway.as_subject("nginx:bob").get(path).await.expect(400);
}

#[tokio::test]
async fn an_identity_given_twice_is_refused() {
    let gateway = TestGateway::start().await;
    for second in ["nginx:alice", "nginx:bob"] {
        let caller = gateway
            .as_subject("nginx:alice")
            .with("x-ditto-pre-authenticated", second);
        caller
            .get("/api/2/whoami")
            .await
            .expect_error(400, "gateway:duplicate.header.field");
    }
}

#[tokio::test]
async fn a_subject_without_an_issuer_or_an_empty_list_is_no_identity() {
    let gateway = TestGateway::start().await;
    for value in ["", ",", " , "] {
        gateway
            .as_subject(value)
            .get("/api/2/whoami")
            .await
            .expect_error(401, "gateway:authentication.failed");
    }
}

#[tokio::test]
async fn a_list_of_subjects_keeps_its_order() {
    let gateway = TestGateway::start().await;
    let answer = gateway
        .as_subject("nginx:alice, group:ops,")
        .get("/api/2/whoami")
        .await
        .expect(200);
    let expected =
        json!({ "defaultSubject": "nginx:alice", "subjects": ["nginx:alice", "group:ops"] });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn two_kinds_of_credentials_in_one_request_conflict() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let caller = gateway
        .as_subject("nginx:bob")
        .bearer(&provider.token("alice").await);
    caller
        .get("/api/2/whoami")
        .await
        .expect_error(400, "gateway:authentication.conflicting");
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_accepted() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = provider
            .token_of(
                "alice",
                TokenShape {
                    algorithm,
                    ..TokenShape::default()
                },
            )
            .await;
        assert_eq!(
            who(&gateway.as_bearer(&token)).await,
            "acme:alice",
            "{algorithm}"
        );
    }
}

#[tokio::test]
async fn rotated_keys_are_noticed_without_a_restart() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let old = gateway.as_bearer(&provider.token("alice").await);
    assert_eq!(who(&old).await, "acme:alice");

    provider.rotate_keys(true).await;
    let new = gateway.as_bearer(&provider.token("alice").await);
    assert_eq!(who(&new).await, "acme:alice");
    assert_eq!(
        who(&old).await,
        "acme:alice",
        "the previous key is still published"
    );

    provider.rotate_keys(false).await;
    let newest = gateway.as_bearer(&provider.token("alice").await);
    assert_eq!(who(&newest).await, "acme:alice");
    old.get("/api/2/whoami").await.expect(401);
    new.get("/api/2/whoami").await.expect(401);
}

#[tokio::test]
async fn known_keys_outlive_their_provider() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let (first, second) = (provider.token("alice").await, provider.token("bob").await);
    assert_eq!(who(&gateway.as_bearer(&first)).await, "acme:alice");
    provider.answer_with(500).await;
    assert_eq!(who(&gateway.as_bearer(&second)).await, "acme:bob");
}

#[tokio::test]
async fn an_unreachable_provider_is_an_outage_and_no_refusal() {
    let provider = OidcProvider::start().await;
    let token = provider.token("alice").await;
    provider.answer_with(500).await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let answer = gateway.as_bearer(&token).get("/api/2/whoami").await;
    assert_eq!(answer.status, 503, "{}", answer.body);

    provider.answer_with(0).await;
    eventually("the keys after the outage", || async {
        (gateway.as_bearer(&token).get("/api/2/whoami").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn forged_key_ids_cause_no_storm_of_fetches() {
    let provider = OidcProvider::start().await;
    let keys = json!({ "auth": { "oauth": { "keys": { "cool_down": "60s", "timeout": "1s" } } } });
    let gateway = TestGateway::start_with(merged(provider.trusted(), keys)).await;
    let token = provider.token("alice").await;
    assert_eq!(who(&gateway.as_bearer(&token)).await, "acme:alice");

    let forged = (0..30).map(|number| {
        let forged = with_header(&token, |header| {
            header["kid"] = json!(format!("forged-{number}"))
        });
        let caller = gateway.as_bearer(&forged);
        async move { caller.get("/api/2/whoami").await.status }
    });
    let statuses = deadline("30 refusals", futures_util::future::join_all(forged)).await;

    // Whether the issuer has such keys by now cannot be known before the cool-down ends: that is no 401.
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert_eq!(
        who(&gateway.as_bearer(&token)).await,
        "acme:alice",
        "good callers are not affected"
    );
    assert!(
        provider.key_fetches().await <= 2,
        "{} fetches",
        provider.key_fetches().await
    );
}

#[tokio::test]
async fn a_token_that_misses_a_condition_of_its_issuer_is_refused_by_name() {
    let provider = OidcProvider::start().await;
    let condition = json!(["{{ jwt:sub | fn:filter('eq','alice') }}"]);
    let mut settings = provider.trusted();
    settings["auth"]["oauth"]["openid_connect_issuers"]["acme"]["prerequisite_conditions"] =
        condition;
    let gateway = TestGateway::start_with(settings).await;
    let alice = gateway.as_bearer(&provider.token("alice").await);
    assert_eq!(who(&alice).await, "acme:alice");
    let bob = gateway.as_bearer(&provider.token("bob").await);
    let refused = bob.get("/api/2/whoami").await;
    assert!(!refused.body.contains("alice"), "{}", refused.body);
    refused.expect_error(401, "gateway:jwt.condition.failed");
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    for audience in ["other", "twinward.example", "twin"] {
        let token = provider
            .token_of(
                "alice",
                TokenShape {
                    audience,
                    ..TokenShape::default()
                },
            )
            .await;
        gateway
            .as_bearer(&token)
            .get("/api/2/whoami")
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn a_token_of_an_unknown_issuer_is_refused_by_name() {
    let (provider, stranger) = (OidcProvider::start().await, OidcProvider::start().await);
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = stranger.token("alice").await;
    gateway
        .as_bearer(&token)
        .get("/api/2/whoami")
        .await
        .expect_error(401, "gateway:jwt.issuer.notsupported");
    assert_eq!(
        stranger.key_fetches().await,
        0,
        "a stranger's keys are never asked for"
    );
}

#[tokio::test]
async fn a_token_that_nobody_signed_is_refused() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    let keys = Caller::anonymous(provider.issuer())
        .get("/jwks")
        .await
        .expect(200);
    let public_text = keys.json()["keys"][0].to_string();
    let forgeries = [
        ("another signature", tampered(&token)),
        (
            "another subject",
            with_claims(&token, |claims| claims["sub"] = json!("root")),
        ),
        (
            "a longer life",
            with_claims(&token, |claims| claims["exp"] = json!(4_102_444_800_u64)),
        ),
        ("no algorithm", unsigned(&token)),
        (
            "HMAC with the public key",
            signed_with_public_text(&token, &public_text),
        ),
        (
            "a critical extension",
            with_header(&token, |header| header["crit"] = json!(["b64"])),
        ),
        (
            "another key type",
            with_header(&token, |header| header["alg"] = json!("ES256")),
        ),
    ];
    for (what, forged) in forgeries {
        let answer = gateway.as_bearer(&forged).get("/api/2/whoami").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert!(
            !answer.body.contains(&forged),
            "{what}: the token is echoed"
        );
    }
    let without_signature = format!("{}.", token.rsplit_once('.').expect("three parts").0);
    for malformed in [
        without_signature.as_str(),
        "e30.e30",
        "a.b.c",
        "e30.e30.e30.e30.e30",
        "e30.e30.",
    ] {
        gateway
            .as_bearer(malformed)
            .get("/api/2/whoami")
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn a_token_in_the_query_of_a_plain_request_is_no_credential() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    gateway
        .anonymous()
        .get(&format!("/api/2/whoami?access_token={token}"))
        .await
        .expect(401);
    assert!(!gateway.log().contains(&token), "the token is logged");
}

#[tokio::test]
async fn api_keys_are_refused_alike_whatever_is_wrong_with_them() {
    let gateway = TestGateway::start_unconfigured().await;
    let key = gateway.first_api_key();
    let last = if key.ends_with('a') { 'b' } else { 'a' };
    let mut changed: String = key.clone();
    changed.pop();
    changed.push(last);
    let shortened = key.split_at(key.len() / 2).0.to_owned();
    let mut bodies = Vec::new();
    for wrong in [
        changed,
        shortened,
        key.to_uppercase(),
        format!("{key}{key}"),
    ] {
        let caller = gateway.as_bearer(&wrong).with("correlation-id", "same");
        let answer = caller.get("/api/2/whoami").await;
        bodies.push((answer.status_and_code(), answer.body));
    }
    assert_eq!(
        bodies
            .iter()
            .map(|(code, _)| code.as_str())
            .collect::<Vec<_>>(),
        ["401 gateway:authentication.failed"; 4]
    );
    assert!(
        bodies.iter().all(|body| Some(body) == bodies.first()),
        "{bodies:?}"
    );
}

#[tokio::test]
async fn basic_credentials_are_none_on_the_public_edge() {
    let gateway = TestGateway::start().await;
    gateway
        .anonymous()
        .basic("ditto", "ditto")
        .get("/api/2/whoami")
        .await
        .expect(401);
    let vouched = gateway.as_subject("nginx:alice").basic("alice", "password");
    assert_eq!(
        who(&vouched).await,
        "nginx:alice",
        "a proxy forwards the header it checked"
    );
}

#[tokio::test]
async fn internal_headers_of_a_client_do_nothing() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let context = r#"{"type":"x","subjects":[{"id":"nginx:alice","type":"x"}]}"#;
    let headers = [
        ("ditto-sudo", "true"),
        ("ditto-auth-context", context),
        ("ditto-read-subjects", r#"["nginx:bob"]"#),
    ];
    let bob = gateway.as_subject("nginx:bob");
    let answer = bob
        .send(Method::GET, "/api/2/things/org.acme:lamp", &headers, None)
        .await;
    answer.expect_error(404, "things:thing.notfound");
}

#[tokio::test]
async fn a_list_is_refused_where_one_subject_is_meant() {
    let single = json!({ "auth": { "pre_authenticated": { "single_subject": true } } });
    let gateway = TestGateway::start_with(single).await;
    let caller = gateway.as_subject("nginx:alice, nginx:root");
    caller.get("/api/2/whoami").await.expect(400);
    assert_eq!(who(&gateway.as_subject("nginx:alice")).await, "nginx:alice");
}

#[tokio::test]
async fn a_good_token_in_another_place_is_no_credential() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    assert_eq!(who(&gateway.as_bearer(&token)).await, "acme:alice");
    let nobody = gateway.anonymous();
    for (name, value) in [
        (
            "cookie",
            format!("access_token={token}; Authorization=Bearer {token}"),
        ),
        ("x-api-key", token.clone()),
        ("x-access-token", token.clone()),
        ("x-forwarded-access-token", token.clone()),
        ("proxy-authorization", format!("Bearer {token}")),
        ("authorization", token.clone()),
        ("authorization", format!("Token {token}")),
        ("sec-websocket-protocol", format!("bearer, {token}")),
    ] {
        let caller = nobody.with(name, &value);
        caller.get("/api/2/whoami").await.expect(401);
        // A client of the library insists on an answer to its subprotocol: the refusal is asked for by hand.
        let lines = [
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==",
            &format!("{name}: {value}"),
        ];
        let request = format!(
            "GET /ws/2 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n{}\r\n\r\n",
            lines.join("\r\n")
        );
        let answer = raw_exchange(&gateway.endpoints().public, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{name}: {answer}");
        assert!(!answer.contains(&token), "{name}: {answer}");
    }
    for query in ["ticket", "token", "jwt", "id_token", "ACCESS_TOKEN"] {
        let path = format!("{query}={token}");
        nobody
            .get(&format!("/api/2/whoami?{path}"))
            .await
            .expect(401);
        let refused = nobody.web_socket_with(&path).await.err();
        assert_eq!(refused.map(|(status, _)| status), Some(401), "{query}");
    }
    assert!(!gateway.log().contains(&token), "the token is logged");
}

#[tokio::test]
async fn what_is_stored_of_a_key_opens_nothing() {
    let gateway = TestGateway::start_unconfigured().await;
    let key = gateway.first_api_key();
    gateway
        .as_bearer(&key)
        .get("/api/2/whoami")
        .await
        .expect(200);
    let stored = std::fs::read_to_string(gateway.data().join("bootstrap.yaml"));
    let stored = stored.expect("what the first start made");
    assert!(!stored.contains(&key), "the key itself is not stored");
    let mut words = 0;
    for word in
        stored.split(|character: char| character.is_whitespace() || "\"'".contains(character))
    {
        if word.len() < 20 || !word.is_ascii() {
            continue;
        }
        words += 1;
        let status = gateway.as_bearer(word).get("/api/2/whoami").await.status;
        assert!([400, 401, 429].contains(&status), "{status} with {word}");
        let operator = gateway.operators_door().basic("devops", word);
        let status = operator.get("/devops/logging").await.status;
        assert!([401, 429].contains(&status), "{status} with {word}");
    }
    assert!(
        words >= 2,
        "a hash of the key and one of the password: {stored}"
    );
}
