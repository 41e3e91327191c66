//! Issuers that break, lie or are attacked: what is known stays in force, and nobody else is asked.

use serde_json::{Value, json};
use tests::{Issuer, Reply, SigningKey, TestGateway, eventually, is_long_run, merged};

/// Fetches as often as the cool-down lets it, so that a test sees the next state soon.
fn eager() -> Value {
    json!({ "auth": { "oauth": { "keys": { "refresh": "1s", "cool_down": "50ms", "timeout": "300ms", "max_size": "64KiB" } } } })
}

fn token(issuer: &Issuer, key: &SigningKey, key_id: &str) -> String {
    let header = json!({ "alg": "EdDSA", "kid": key_id }).to_string();
    key.sign(&header, &issuer.claims("alice").to_string())
}

async fn status(gateway: &TestGateway, token: &str) -> u16 {
    gateway.as_bearer(token).get("/api/2/whoami").await.status
}

#[tokio::test]
async fn a_broken_issuer_takes_nothing_from_those_whose_key_is_known() {
    let key = SigningKey::ed25519();
    let (issuer, elsewhere) = (
        Issuer::start(&[key.jwk("good")]).await,
        Issuer::start(&[]).await,
    );
    let gateway = TestGateway::start_with(merged(issuer.trusted(), eager())).await;
    assert_eq!(status(&gateway, &token(&issuer, &key, "good")).await, 200);
    let moved = |to: &str| {
        Reply::Raw(
            "301 Moved Permanently",
            format!("location: {to}\r\n"),
            String::new(),
        )
    };
    let stranger = format!("http://{}/jwks", elsewhere.issuer());
    for (what, reply) in [
        (
            "500",
            Reply::Raw("500 Internal Server Error", String::new(), String::new()),
        ),
        ("silence", Reply::Hang),
        (
            "a redirect to the metadata address",
            moved("http://169.254.169.254/latest/meta-data"),
        ),
        ("a redirect elsewhere", moved(&stranger)),
        ("a redirect to a file", moved("file:///etc/passwd")),
        ("100 MiB", Reply::Endless(100 * 1024 * 1024)),
        ("no JSON", Reply::Body("{".to_owned())),
        ("a page", Reply::Body("<html></html>".to_owned())),
        ("no list", Reply::Body(r#"{"keys":{}}"#.to_owned())),
    ] {
        issuer.reply("/jwks", reply);
        let before = issuer.requests("/jwks");
        eventually(what, || async {
            (issuer.requests("/jwks") > before).then_some(())
        })
        .await;
        let fresh = token(&issuer, &key, "good");
        assert_eq!(status(&gateway, &fresh).await, 200, "{what}");
    }
    assert_eq!(elsewhere.all_requests(), [""; 0], "no other host is asked");
}

#[tokio::test]
async fn keys_that_cannot_be_trusted_do_not_spoil_the_others() {
    let (good, other) = (SigningKey::ed25519(), SigningKey::ed25519());
    let mut for_encryption = other.jwk("enc");
    for_encryption["use"] = json!("enc");
    let keys = [
        json!({ "kty": "RSA" }),
        json!("no object"),
        json!({ "kty": "RSA", "kid": "short", "n": "u".repeat(86), "e": "AQAB" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "low", "x": tests::encode([0; 32]) }),
        json!({ "kty": "oct", "kid": "oct", "k": tests::encode("secret") }),
        for_encryption,
        good.jwk("good"),
        other.jwk("good"),
    ];
    let issuer = Issuer::start(&keys).await;
    let gateway = TestGateway::start_with(merged(issuer.trusted(), eager())).await;
    assert_eq!(status(&gateway, &token(&issuer, &good, "good")).await, 200);
    for (what, key, key_id) in [
        ("the second of one id", &other, "good"),
        ("a key for encryption", &other, "enc"),
        ("a point of low order", &other, "low"),
        ("a symmetric key", &other, "oct"),
    ] {
        assert_eq!(
            status(&gateway, &token(&issuer, key, key_id)).await,
            401,
            "{what}"
        );
    }
}

#[tokio::test]
async fn discovery_that_speaks_for_somebody_else_disables_the_issuer() {
    let key = SigningKey::ed25519();
    let (issuer, elsewhere) = (
        Issuer::start(&[key.jwk("good")]).await,
        Issuer::start(&[key.jwk("good")]).await,
    );
    let own = json!({
        "issuer": format!("http://{}", issuer.issuer()),
        "jwks_uri": format!("http://{}/jwks", elsewhere.issuer()),
    });
    let lie = json!({ "issuer": "http://id.example", "jwks_uri": format!("http://{}/jwks", issuer.issuer()) });
    for (what, document) in [("another issuer", lie), ("keys elsewhere", own)] {
        issuer.discover(&document);
        let gateway = TestGateway::start_with(merged(issuer.trusted(), eager())).await;
        assert_eq!(
            status(&gateway, &token(&issuer, &key, "good")).await,
            503,
            "{what}"
        );
        let health = gateway.as_operator().get("/status/health").await;
        let told = if what == "another issuer" {
            "names another issuer"
        } else {
            "not on the issuer's host"
        };
        assert!(health.body.contains(told), "{what}: {}", health.body);
        assert_eq!(health.status, 200, "an issuer's fault is not the gateway's");
    }
    assert_eq!(elsewhere.all_requests(), [""; 0]);
}

#[tokio::test]
async fn ten_thousand_forged_key_ids_cost_a_fetch_per_cool_down() {
    let storm_size = if is_long_run() { 10_000 } else { 1_000 };
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("good")]).await;
    let slow = json!({
        "auth": { "brute_force": false, "oauth": { "keys": { "cool_down": "2s", "timeout": "5s" } } },
        "limits": { "per_source": false, "per_subject": false },
        "logging": { "level": "error" },
    });
    let gateway = TestGateway::start_with(merged(issuer.trusted(), slow)).await;
    let good = gateway.as_bearer(&token(&issuer, &key, "good"));
    assert_eq!(good.get("/api/2/whoami").await.status, 200);
    let before = issuer.requests("/jwks");
    let started = std::time::Instant::now();
    let forged =
        |number: usize| gateway.as_bearer(&token(&issuer, &key, &format!("forged-{number}")));
    let storm = async {
        let mut statuses = std::collections::BTreeMap::new();
        for block in 0..storm_size / 500 {
            let asked = (0..500).map(|number| {
                let caller = forged(block * 500 + number);
                async move { caller.get("/api/2/whoami").await.status }
            });
            for status in futures_util::future::join_all(asked).await {
                *statuses.entry(status).or_insert(0) += 1;
            }
        }
        statuses
    };
    let honest = async {
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..200 {
            let asked = std::time::Instant::now();
            assert_eq!(good.get("/api/2/whoami").await.status, 200);
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    };
    let (statuses, slowest) = futures_util::future::join(storm, honest).await;
    let windows = started.elapsed().as_secs_f64() / 2.0;
    let fetches = issuer.requests("/jwks") - before;
    assert!(
        statuses.keys().all(|status| [401, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(
        fetches as f64 <= windows + 1.0,
        "{fetches} fetches in {windows:.1} cool-downs"
    );
    assert!(
        slowest < std::time::Duration::from_secs(2),
        "a good caller waited {slowest:?}"
    );
}

#[tokio::test]
async fn keys_from_a_file_need_nobody() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, json!({ "keys": [key.jwk("good")] }).to_string()).expect("a file");
    let entry = json!({ "jwks_file": path });
    let entry = json!({ "auth": { "oauth": { "openid_connect_issuers": { "acme": entry } } } });
    let gateway = TestGateway::start_with(merged(issuer.trusted(), entry)).await;
    assert_eq!(status(&gateway, &token(&issuer, &key, "good")).await, 200);
    assert_eq!(status(&gateway, &token(&issuer, &key, "other")).await, 401);
    assert_eq!(issuer.all_requests(), [""; 0]);
}
