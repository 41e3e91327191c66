//! What others have been talked into accepting.

use serde_json::{Value, json};
use tests::{Caller, Issuer, SigningKey, encode, seconds_from_now};

use super::fixture;
use crate::credentials::signed_with_public_text;

#[tokio::test]
async fn no_algorithm_is_no_signature() {
    let fixture = fixture(json!({})).await;
    fixture.check(
        "the control",
        fixture.ask(&fixture.token(json!({}))).await,
        200,
    );
    for algorithm in [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!(""),
        json!(null),
        json!(1),
    ] {
        let token = fixture.token_with(json!({ "alg": algorithm }), json!({}));
        fixture.check(&format!("alg {algorithm}"), fixture.ask(&token).await, 401);
        let (message, _) = token.rsplit_once('.').expect("three parts");
        for signature in ["", "AA"] {
            let status = fixture.ask(&format!("{message}.{signature}")).await;
            assert!(
                [400, 401].contains(&status),
                "alg {algorithm}, signature {signature:?}"
            );
        }
    }
    let claims = fixture.issuer.claims("alice").to_string();
    let without = fixture.ed25519.sign(r#"{"kid":"ed25519"}"#, &claims);
    fixture.check("no `alg`", fixture.ask(&without).await, 401);
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let fixture = fixture(json!({})).await;
    let jwk = fixture.rsa.jwk("rsa");
    let modulus = jwk["n"].as_str().expect("a modulus");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{modulus}\n-----END PUBLIC KEY-----");
    let signed = |key_id: &str| {
        let header = json!({ "alg": "RS256", "kid": key_id }).to_string();
        fixture
            .rsa
            .sign(&header, &fixture.issuer.claims("alice").to_string())
    };
    for key_id in ["rsa", "p256", "bound"] {
        for secret in [
            jwk.to_string(),
            format!("\n{jwk}"),
            pem.clone(),
            format!(" {pem}\n"),
            modulus.to_owned(),
        ] {
            let forged = signed_with_public_text(&signed(key_id), &secret);
            fixture.check(key_id, fixture.ask(&forged).await, 401);
        }
    }
}

#[tokio::test]
async fn the_key_decides_how_it_is_used() {
    let fixture = fixture(json!({})).await;
    let p384 = SigningKey::p384();
    let claims = fixture.issuer.claims("alice").to_string();
    let signed = |key: &SigningKey, algorithm: &str, key_id: &str| {
        key.sign(
            &json!({ "alg": algorithm, "kid": key_id }).to_string(),
            &claims,
        )
    };
    for (key, algorithm, key_id, expected) in [
        (&fixture.rsa, "RS256", "rsa", 200),
        (&fixture.rsa, "PS256", "rsa", 200),
        (&fixture.rsa, "RS256", "bound", 200),
        (&fixture.rsa, "PS256", "bound", 401),
        (&fixture.p256, "ES256", "p256", 200),
        (&fixture.rsa, "RS256", "p256", 401),
        (&fixture.p256, "ES256", "rsa", 401),
        (&p384, "ES256", "p256", 401),
        (&p384, "ES384", "p256", 401),
        (&fixture.ed25519, "EdDSA", "p256", 401),
    ] {
        let token = signed(key, algorithm, key_id);
        fixture.check(
            &format!("{algorithm} with `{key_id}`"),
            fixture.ask(&token).await,
            expected,
        );
    }
}

#[tokio::test]
async fn a_token_does_not_bring_its_own_key() {
    let fixture = fixture(json!({})).await;
    let attacker = Issuer::start(&[]).await;
    let own = SigningKey::ed25519();
    attacker.serve_keys(&[own.jwk("ed25519")]);
    let url = format!("http://{}/jwks", attacker.issuer());
    let claims = fixture.issuer.claims("alice").to_string();
    for (member, value) in [
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("jwk", own.jwk("ed25519")),
        ("x5c", json!(["AA=="])),
    ] {
        let header = json!({ "alg": "EdDSA", "kid": "ed25519", member: value }).to_string();
        fixture.check(member, fixture.ask(&own.sign(&header, &claims)).await, 401);
        let honest = fixture.ed25519.sign(&header, &claims);
        fixture.check(member, fixture.ask(&honest).await, 200);
    }
    assert_eq!(
        attacker.all_requests(),
        [""; 0],
        "nobody asks a place that a token names"
    );
}

#[tokio::test]
async fn key_ids_are_names_and_nothing_else() {
    let fixture = fixture(json!({})).await;
    fixture.check(
        "the control",
        fixture.ask(&fixture.token(json!({}))).await,
        200,
    );
    let fetches = fixture.issuer.requests("/jwks");
    for key_id in [
        json!("a\u{7}"),
        json!("\u{0}"),
        json!("k".repeat(5000)),
        json!(7),
        json!(null),
        json!([]),
        json!(""),
    ] {
        let token = fixture.token_with(json!({ "kid": key_id }), json!({}));
        fixture.check(&format!("kid {key_id:.40}"), fixture.ask(&token).await, 401);
    }
    let claims = fixture.issuer.claims("alice").to_string();
    let without = fixture.ed25519.sign(r#"{"alg":"EdDSA"}"#, &claims);
    fixture.check("no `kid`", fixture.ask(&without).await, 401);
    assert_eq!(
        fixture.issuer.requests("/jwks"),
        fetches,
        "none of these is worth a fetch"
    );
    for key_id in ["../../etc/passwd", "' OR 1=1 --", "ED25519", "ed25519 "] {
        let token = fixture.token_with(json!({ "kid": key_id }), json!({}));
        fixture.check(key_id, fixture.ask(&token).await, 401);
    }
    assert!(
        fixture.issuer.all_requests().iter().all(|path| {
            ["/jwks", "/.well-known/openid-configuration"].contains(&path.as_str())
        })
    );
}

#[tokio::test]
async fn extensions_encryption_and_other_serialisations_are_refused() {
    let fixture = fixture(json!({})).await;
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["unknown"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let token = fixture.token_with(json!({ member: value }), json!({}));
        fixture.check(member, fixture.ask(&token).await, 401);
    }
    let token = fixture.token(json!({}));
    let nested = fixture.token_with(json!({ "cty": "JWT", "enc": "A256GCM" }), json!({}));
    fixture.check(
        "encrypted",
        fixture.ask(&format!("{nested}.e30.e30")).await,
        400,
    );
    let parts: Vec<&str> = token.split('.').collect();
    let serialised = json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] });
    fixture.check(
        "JSON serialisation",
        fixture.ask(&serialised.to_string()).await,
        400,
    );
}

#[tokio::test]
async fn times_are_numbers_of_our_time() {
    let fixture = fixture(json!({})).await;
    for member in ["exp", "nbf", "iat"] {
        for value in [
            json!("1"),
            json!(-1),
            json!(null),
            json!([1]),
            json!({}),
            json!(true),
        ] {
            let token = fixture.token(json!({ member: value }));
            fixture.check(&format!("{member} {value}"), fixture.ask(&token).await, 401);
        }
    }
    let claims = fixture.issuer.claims("alice").to_string();
    for wrong in ["1e309", "1e300"] {
        let (start, _) = claims.split_once("\"exp\":").expect("a claim");
        let token = fixture.ed25519.sign(
            r#"{"alg":"EdDSA","kid":"ed25519"}"#,
            &format!("{start}\"exp\":{wrong}}}"),
        );
        let status = fixture.ask(&token).await;
        assert!([400, 401].contains(&status), "exp {wrong}: {status}");
    }
    for (what, changed) in [
        (
            "expired",
            json!({ "exp": seconds_from_now(-30), "iat": seconds_from_now(-60) }),
        ),
        ("not yet valid", json!({ "nbf": seconds_from_now(60) })),
        ("issued tomorrow", json!({ "iat": seconds_from_now(60) })),
        (
            "milliseconds",
            json!({ "exp": seconds_from_now(600) * 1000 }),
        ),
        ("the year 9999", json!({ "exp": 253_402_300_799_u64 })),
        (
            "100 days",
            json!({ "exp": seconds_from_now(100 * 24 * 3600) }),
        ),
    ] {
        fixture.check(what, fixture.ask(&fixture.token(changed)).await, 401);
    }
    let mut endless = fixture.issuer.claims("alice");
    endless.as_object_mut().expect("an object").remove("exp");
    let token = fixture
        .ed25519
        .sign(r#"{"alg":"EdDSA","kid":"ed25519"}"#, &endless.to_string());
    fixture.check("no `exp`", fixture.ask(&token).await, 401);
}

#[tokio::test]
async fn audiences_and_issuers_match_exactly() {
    let fixture = fixture(json!({})).await;
    let ours = json!(["other", "twinward"]);
    fixture.check(
        "ours among others",
        fixture.ask(&fixture.token(json!({ "aud": ours }))).await,
        200,
    );
    for audience in [
        json!("twinward.evil"),
        json!("twin"),
        json!(""),
        json!([]),
        json!(["Twinward"]),
        json!(null),
    ] {
        let token = fixture.token(json!({ "aud": audience }));
        fixture.check(&format!("aud {audience}"), fixture.ask(&token).await, 401);
    }
    let address = fixture.issuer.issuer();
    for issuer in [
        format!("http://{address}/"),
        format!("https://{address}"),
        format!("HTTP://{address}"),
        format!("http://good@{address}"),
        format!("http://{address}#"),
        address.replace("127", "\u{661}27"),
        String::new(),
    ] {
        let token = fixture.token(json!({ "iss": issuer }));
        fixture.check(&format!("iss {issuer:?}"), fixture.ask(&token).await, 401);
    }
    let token = fixture.token(json!({ "iss": address }));
    fixture.check("without scheme", fixture.ask(&token).await, 200);
}

#[tokio::test]
async fn other_tokens_of_the_issuer_are_no_access_tokens() {
    let fixture = fixture(json!({})).await;
    let logout = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    for (what, header, claims) in [
        ("an ID token", json!({}), json!({ "typ": "ID" })),
        (
            "an ID token by its use",
            json!({}),
            json!({ "token_use": "id" }),
        ),
        ("a refresh token", json!({}), json!({ "typ": "Refresh" })),
        ("a logout token", json!({ "typ": "logout+jwt" }), json!({})),
        ("a logout event", json!({}), json!({ "events": logout })),
    ] {
        let token = fixture.token_with(header, claims);
        fixture.check(what, fixture.ask(&token).await, 401);
    }
    let strict = self::fixture(json!({ "token_types": ["at+jwt"] })).await;
    for (header, expected) in [
        (json!({ "typ": "at+jwt" }), 200),
        (json!({ "typ": "application/at+jwt" }), 200),
        (json!({ "typ": "JWT" }), 401),
        (json!({}), 401),
    ] {
        let token = strict.token_with(header.clone(), json!({}));
        strict.check(&format!("{header}"), strict.ask(&token).await, expected);
    }
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_not_read() {
    let fixture = fixture(json!({})).await;
    let (header, claims) = (
        r#"{"alg":"EdDSA","kid":"ed25519"}"#,
        fixture.issuer.claims("alice").to_string(),
    );
    let twice = |member: &str| claims.replacen('{', &format!("{{\"{member}\":\"root\","), 1);
    for member in ["sub", "aud", "iss"] {
        let token = fixture.ed25519.sign(header, &twice(member));
        fixture.check(&format!("{member} twice"), fixture.ask(&token).await, 400);
    }
    let header_twice = r#"{"alg":"none","kid":"ed25519","alg":"EdDSA"}"#;
    fixture.check(
        "alg twice",
        fixture
            .ask(&fixture.ed25519.sign(header_twice, &claims))
            .await,
        400,
    );
    let token = fixture.ed25519.sign(header, &claims);
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let standard = encode([0xfb; 64]).replace('-', "+");
    for (what, malformed) in [
        ("padding", format!("{token}==")),
        ("the other alphabet", format!("{message}.{standard}")),
        ("a fourth part", format!("{token}.AA")),
        ("an empty signature", format!("{message}.")),
        ("an empty part", format!("..{signature}")),
        ("a tab within", format!("{message}.\t{signature}")),
        ("a blank within", format!("{message}. {signature}")),
    ] {
        fixture.check(what, fixture.ask(&malformed).await, 400);
    }
    let last = signature.chars().last().expect("a character");
    let spare = if last == 'A' {
        'B'
    } else {
        char::from_u32(u32::from(last) + 1).expect("a character")
    };
    let spare_bits = format!("{message}.{}{spare}", signature.trim_end_matches(last));
    let status = fixture.ask(&spare_bits).await;
    assert!([400, 401].contains(&status), "spare bits: {status}");
}

#[tokio::test]
async fn signatures_that_are_none_verify_nothing() {
    let fixture = fixture(json!({})).await;
    let claims = encode(fixture.issuer.claims("alice").to_string());
    for (algorithm, key_id, length) in [
        ("ES256", "p256", 64),
        ("EdDSA", "ed25519", 64),
        ("RS256", "rsa", 256),
    ] {
        let header = encode(json!({ "alg": algorithm, "kid": key_id }).to_string());
        for byte in [0, 1, 0xff] {
            let token = format!("{header}.{claims}.{}", encode(vec![byte; length]));
            fixture.check(
                &format!("{algorithm} {byte}"),
                fixture.ask(&token).await,
                401,
            );
        }
    }
    let header = encode(r#"{"alg":"ES256","kid":"p256"}"#);
    let der = [&[0x30, 0x44, 2, 0x20][..], &[7; 32], &[2, 0x20], &[7; 32]].concat();
    fixture.check(
        "DER",
        fixture
            .ask(&format!("{header}.{claims}.{}", encode(der)))
            .await,
        401,
    );
}

#[tokio::test]
async fn long_tokens_cost_bounded_work() {
    let fixture =
        fixture(json!({ "auth_subjects": ["{{ jwt:roles }}", "{{ jwt:roles }}-{{ jwt:roles }}"] }))
            .await;
    let long = fixture.token(json!({ "filler": "x".repeat(8 * 1024) }));
    fixture.check("longer than 8 KiB", fixture.ask(&long).await, 400);
    let roles: Vec<Value> = (0..1000).map(|number| json!(number)).collect();
    fixture.check(
        "1 000 roles",
        fixture.ask(&fixture.token(json!({ "roles": roles }))).await,
        401,
    );
    let huge = format!("Bearer {}", "x".repeat(60 * 1024));
    let answer = fixture
        .gateway
        .anonymous()
        .with("authorization", &huge)
        .get("/api/2/whoami")
        .await;
    assert!([400, 431].contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn what_a_caller_sends_is_neither_logged_nor_told() {
    let fixture = fixture(json!({})).await;
    let token = fixture.token(json!({ "exp": seconds_from_now(-60), "secret": "canary-5f1c" }));
    fixture.check("expired", fixture.ask(&token).await, 401);
    let url = format!("/ws/2?access_token={token}");
    let refused = fixture.gateway.anonymous().get(&url).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let injected = fixture.token(json!({ "iss": "evil\r\nX: y\u{1b}[2J" }));
    let answer: Caller = fixture.gateway.as_bearer(&injected);
    let answer = answer.get("/api/2/whoami").await;
    assert_eq!(answer.status, 401);
    assert!(!answer.body.contains(['\r', '\u{1b}']), "{}", answer.body);
    let log = fixture.gateway.log();
    for secret in [token.as_str(), "canary-5f1c", "\u{1b}[2J"] {
        assert!(!log.contains(secret), "{secret:.30} is logged");
    }
}
