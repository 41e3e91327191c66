//! Keys over the wire: storms, rotation, and an issuer that misbehaves.

use super::*;
use crate::BackendFault;
use crate::jwt::testing::FakeIssuer;
use crate::jwt::{KeySettings, Protocol};

/// A cool-down that no test outlives.
const LONG: Duration = Duration::from_secs(3600);

fn provider(fake: &FakeIssuer, cool_down: Duration) -> Arc<JwtProvider> {
    let entry = IssuerSettings::new("local", &fake.issuer, Audience::Any);
    let keys = KeySettings {
        cool_down,
        timeout: Duration::from_secs(5),
        max_size: 4096,
        ..KeySettings::default()
    };
    let settings = JwtSettings {
        protocol: Protocol::Http,
        keys,
        issuers: vec![entry],
        ..JwtSettings::default()
    };
    Arc::new(JwtProvider::new(settings).unwrap())
}

fn token(fake: &FakeIssuer, signer: &Signer, key_id: &str) -> String {
    let claims =
        json!({"iss": format!("http://{}", fake.issuer), "sub": "alice", "exp": seconds(600)});
    signer.sign(&header("EdDSA", key_id), &claims.to_string())
}

async fn ask(provider: &JwtProvider, token: &str, now: Timestamp) -> String {
    match provider.verify_token(token, now).await {
        Ok(principal) => principal.subjects()[0].to_string(),
        Err(error) => error.to_string(),
    }
}

const UNKNOWN: &str = "token refused: unknown key";

#[tokio::test]
async fn a_storm_of_forged_key_ids_causes_one_fetch_per_cool_down() {
    let signer = Signer::ed();
    let fake = FakeIssuer::start(&[signer.jwk("good")]).await;
    let provider = provider(&fake, LONG);
    let good = token(&fake, &signer, "good");
    let storm: Vec<_> = (0..10_000)
        .map(|number| token(&fake, &signer, &format!("forged-{number}")))
        .collect();
    let answers =
        futures_util::future::join_all(storm.iter().map(|token| ask(&provider, token, now())))
            .await;
    let busy = "the keys of issuer `local` are not available: timeout";
    assert!(
        answers
            .iter()
            .all(|answer| answer == UNKNOWN || answer == busy)
    );
    assert!(answers.iter().any(|answer| answer == UNKNOWN));
    assert_eq!(fake.fetches(), 1);
    assert_eq!(ask(&provider, &good, now()).await, "local:alice");
    assert_eq!(fake.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_waits_for_the_next_permitted_fetch_and_an_old_one_goes() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let fake = FakeIssuer::start(&[old.jwk("old")]).await;
    let provider = provider(&fake, Duration::from_millis(20));
    let (with_old, with_new) = (token(&fake, &old, "old"), token(&fake, &new, "new"));
    assert_eq!(ask(&provider, &with_old, now()).await, "local:alice");
    assert_eq!(ask(&provider, &with_new, now()).await, UNKNOWN);
    fake.serve_keys(&[new.jwk("new")]);
    let later = now() + Duration::from_secs(1);
    assert_eq!(ask(&provider, &with_new, later).await, "local:alice");
    assert_eq!(ask(&provider, &with_old, later).await, UNKNOWN);
}

#[tokio::test]
async fn a_replaced_key_under_the_same_id_verifies_nothing_old() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let fake = FakeIssuer::start(&[old.jwk("key")]).await;
    let provider = provider(&fake, Duration::ZERO);
    let (with_old, with_new) = (token(&fake, &old, "key"), token(&fake, &new, "key"));
    assert_eq!(ask(&provider, &with_old, now()).await, "local:alice");
    assert_eq!(
        ask(&provider, &with_new, now()).await,
        "token refused: wrong signature"
    );
    fake.serve_keys(&[new.jwk("key")]);
    provider
        .refresh_keys_if_due(now() + Duration::from_secs(599))
        .await;
    assert_eq!(ask(&provider, &with_old, now()).await, "local:alice");
    provider
        .refresh_keys_if_due(now() + Duration::from_secs(600))
        .await;
    assert_eq!(
        ask(&provider, &with_old, now()).await,
        "token refused: wrong signature"
    );
    assert_eq!(ask(&provider, &with_new, now()).await, "local:alice");
}

#[tokio::test]
async fn keys_are_kept_while_the_issuer_misbehaves_but_not_for_ever() {
    let signer = Signer::ed();
    let fake = FakeIssuer::start(&[signer.jwk("good")]).await;
    let provider = provider(&fake, Duration::ZERO);
    let good = token(&fake, &signer, "good");
    assert_eq!(ask(&provider, &good, now()).await, "local:alice");
    let due = now() + Duration::from_secs(600);
    let huge = "x".repeat(5000);
    for (status, body) in [
        ("500 Broken", ""),
        ("200 OK", "<html>"),
        ("200 OK", "{\"keys\":1}"),
        ("200 OK", "{\"keys\":[{\"kty\":\"RSA\"}]}"),
        (
            "200 OK",
            "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"good\",\"k\":\"AAAA\"},1]}",
        ),
        ("200 OK", huge.as_str()),
        ("301 Moved\r\nlocation: http://169.254.169.254/latest", ""),
        ("301 Moved\r\nlocation: http://127.0.0.1:1/", ""),
    ] {
        fake.answer(status, body);
        provider.refresh_keys_if_due(due).await;
        let health = provider.issuer_health(due);
        assert_eq!(
            (health[0].keys, health[0].usable),
            (1, true),
            "answer: {status}"
        );
        assert!(health[0].last_failure.is_some(), "answer: {status}");
        assert_eq!(
            ask(&provider, &good, now()).await,
            "local:alice",
            "answer: {status}"
        );
    }
    let stale = now() + Duration::from_secs(24 * 3600);
    assert!(!provider.issuer_health(stale)[0].usable);
}

#[tokio::test]
async fn an_empty_set_gives_all_keys_up() {
    let signer = Signer::ed();
    let fake = FakeIssuer::start(&[signer.jwk("good")]).await;
    let provider = provider(&fake, Duration::ZERO);
    let good = token(&fake, &signer, "good");
    assert_eq!(ask(&provider, &good, now()).await, "local:alice");
    fake.serve_keys(&[]);
    let due = now() + Duration::from_secs(600);
    provider.refresh_keys_if_due(due).await;
    assert_eq!(ask(&provider, &good, now()).await, UNKNOWN);
}

#[tokio::test]
async fn a_successor_goes_on_with_keys_from_the_same_place() {
    let signer = Signer::ed();
    let fake = FakeIssuer::start(&[signer.jwk("good")]).await;
    let good = token(&fake, &signer, "good");
    let first = provider(&fake, Duration::ZERO);
    assert_eq!(ask(&first, &good, now()).await, "local:alice");
    fake.answer("500 Broken", "");
    let away = "the keys of issuer `local` are not available: unexpected answer";
    let settings = |change: &dyn Fn(&mut JwtSettings)| {
        let mut settings = first.settings.clone();
        change(&mut settings);
        settings
    };
    let of_entry =
        |change: &dyn Fn(&mut IssuerSettings)| settings(&|all| change(&mut all.issuers[0]));
    let elsewhere = vec!["keys.example".to_owned()];
    for (settings, expected) in [
        (settings(&|all| all.keys.refresh = LONG), "local:alice"),
        (
            of_entry(&|entry| entry.algorithms = vec![Algorithm::EdDsa]),
            "local:alice",
        ),
        (
            of_entry(&|entry| entry.algorithms = vec![Algorithm::Rs256]),
            away,
        ),
        (
            of_entry(&|entry| entry.jwks_hosts = elsewhere.clone()),
            "local:alice",
        ),
    ] {
        let next = first.renewed(settings).unwrap();
        assert_eq!(ask(&next, &good, now()).await, expected);
    }
    let wide = first
        .renewed(of_entry(&|entry| entry.jwks_hosts = elsewhere.clone()))
        .unwrap();
    let narrow = wide.renewed(settings(&|_| {})).unwrap();
    assert_eq!(
        ask(&narrow, &good, now()).await,
        away,
        "a host is not allowed any more"
    );
    let brief = settings(&|all| {
        all.keys.max_stale = Duration::from_secs(60);
        all.keys.refresh = Duration::from_secs(60);
    });
    let brief = first.renewed(brief).unwrap();
    let stale = now() + Duration::from_secs(61);
    assert!(!brief.issuer_health(stale)[0].usable);
}

#[tokio::test]
async fn without_keys_nothing_is_known() {
    let signer = Signer::ed();
    let fake = FakeIssuer::start(&[]).await;
    fake.answer("503 Away", "");
    let provider = provider(&fake, Duration::ZERO);
    let result = provider
        .verify_token(&token(&fake, &signer, "good"), now())
        .await;
    let expected = AuthenticationError::Unavailable {
        issuer: "local".into(),
        fault: BackendFault::UnexpectedAnswer,
    };
    assert_eq!(result, Err(expected));
    fake.serve_keys(&[signer.jwk("good")]);
    assert_eq!(
        ask(&provider, &token(&fake, &signer, "good"), now()).await,
        "local:alice"
    );
}

#[tokio::test]
async fn a_place_that_speaks_for_another_issuer_loses_its_keys() {
    let signer = Signer::ed();
    let fake = FakeIssuer::start(&[signer.jwk("good")]).await;
    let provider = provider(&fake, Duration::ZERO);
    let good = token(&fake, &signer, "good");
    assert_eq!(ask(&provider, &good, now()).await, "local:alice");
    *fake.claimed_issuer.lock() = "http://evil.example".to_owned();
    provider
        .refresh_keys_if_due(now() + Duration::from_secs(600))
        .await;
    let refused = "the keys of issuer `local` are not available: unexpected answer";
    assert_eq!(ask(&provider, &good, now()).await, refused);
    let health = &provider.issuer_health(now())[0];
    let reason = health
        .last_failure
        .as_ref()
        .map(|(_, reason)| reason.as_str());
    assert_eq!(
        (health.usable, reason),
        (false, Some("the discovery document names another issuer"))
    );
}
