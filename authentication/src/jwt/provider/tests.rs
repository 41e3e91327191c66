//! Tokens that must pass, and many that must not.

use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{Signer, encode};
use crate::jwt::{Algorithm, Audience, IssuerSettings};
use crate::testing::{Headers, bearer, now, request};
use crate::{AuthenticationChain, OnConflict};

mod fetching;

struct Fixture {
    provider: Arc<JwtProvider>,
    rsa: Signer,
    ec: Signer,
    ed: Signer,
}

fn fixture(change: impl FnOnce(&mut IssuerSettings)) -> Fixture {
    let (rsa, ec, ed) = (Signer::rsa(), Signer::ec(), Signer::ed());
    let mut bound = rsa.jwk("bound");
    bound["alg"] = "RS256".into();
    let mut encryption = rsa.jwk("encryption");
    encryption["use"] = "enc".into();
    let broken = json!({"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"});
    let low_order = json!({"kty": "OKP", "crv": "Ed25519", "kid": "low", "x": encode([0; 32])});
    let symmetric = json!({"kty": "oct", "kid": "oct", "k": encode("secret")});
    let keys = json!({"keys": [
        broken, low_order, symmetric, encryption, bound, rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed"), ed.jwk("ec"),
    ]});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), keys.to_string()).unwrap();
    let mut entry = IssuerSettings::new(
        "acme",
        "id.example/a",
        Audience::OneOf(vec!["gateway".to_owned()]),
    );
    entry.jwks_file = Some(file.path().to_owned());
    change(&mut entry);
    let settings = JwtSettings {
        issuers: vec![entry],
        ..JwtSettings::default()
    };
    Fixture {
        provider: Arc::new(JwtProvider::new(settings).unwrap()),
        rsa,
        ec,
        ed,
    }
}

fn seconds(offset: i64) -> i64 {
    now().as_second() + offset
}

fn claims() -> Value {
    json!({"iss": "https://id.example/a", "sub": "alice", "aud": "gateway", "exp": seconds(600), "iat": seconds(-5)})
}

fn header(algorithm: &str, key_id: &str) -> String {
    json!({"alg": algorithm, "kid": key_id}).to_string()
}

impl Fixture {
    fn ask(&self, token: &str) -> String {
        let result = self.provider.verify_token(token, now());
        match futures_util::FutureExt::now_or_never(result).unwrap() {
            Ok(principal) => principal
                .subjects()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("|"),
            Err(error) => error.to_string(),
        }
    }

    /// Asks twice: what is remembered must not differ from what was found.
    #[track_caller]
    fn check(&self, token: &str, expected: &str) {
        for time in ["first", "second"] {
            assert_eq!(self.ask(token), expected, "{time} time, token: {token}");
        }
    }

    #[track_caller]
    fn check_claims(&self, change: Value, expected: &str) {
        let mut claims = claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.check(
            &self.ed.sign(&header("EdDSA", "ed"), &claims.to_string()),
            expected,
        );
    }
}

#[test]
fn every_kind_of_key_verifies_what_it_signed() {
    let fixture = fixture(|_| {});
    let claims = claims().to_string();
    fixture.check(
        &fixture.rsa.sign(&header("RS256", "rsa"), &claims),
        "acme:alice",
    );
    fixture.check(
        &fixture.rsa.sign(&header("PS256", "rsa"), &claims),
        "acme:alice",
    );
    fixture.check(
        &fixture.ec.sign(&header("ES256", "ec"), &claims),
        "acme:alice",
    );
    fixture.check(
        &fixture.ed.sign(&header("EdDSA", "ed"), &claims),
        "acme:alice",
    );
}

#[test]
fn the_key_says_which_algorithms_it_is_for() {
    let fixture = fixture(|_| {});
    let claims = claims().to_string();
    let wrong = "token refused: the algorithm does not fit the key";
    for name in [
        "none", "None", "NONE", "", "HS256", "RS1", "EdDSA", "ES256", "ES384",
    ] {
        fixture.check(&fixture.rsa.sign(&header(name, "rsa"), &claims), wrong);
    }
    fixture.check(&fixture.rsa.sign(&header("PS256", "bound"), &claims), wrong);
    fixture.check(&fixture.ec.sign(&header("RS256", "ec"), &claims), wrong);
    let narrow = self::fixture(|entry| entry.algorithms = vec![Algorithm::Ps256]);
    narrow.check(&narrow.rsa.sign(&header("RS256", "rsa"), &claims), wrong);
    narrow.check(
        &narrow.rsa.sign(&header("PS256", "rsa"), &claims),
        "acme:alice",
    );
    for missing in [json!({"kid": "rsa"}), json!({"alg": null, "kid": "rsa"})] {
        let expected = "token refused: member `alg` is missing or has the wrong type";
        fixture.check(&fixture.rsa.sign(&missing.to_string(), &claims), expected);
    }
}

#[test]
fn keys_that_cannot_be_trusted_are_unknown() {
    let fixture = fixture(|_| {});
    let claims = claims().to_string();
    for key_id in [
        "encryption",
        "broken",
        "oct",
        "low",
        "../../etc/passwd",
        "' OR 1=1",
    ] {
        fixture.check(
            &fixture.rsa.sign(&header("RS256", key_id), &claims),
            "token refused: unknown key",
        );
    }
    for key_id in [
        json!(1),
        json!(""),
        json!("a\u{7}"),
        json!("k".repeat(257)),
        Value::Null,
    ] {
        let header = json!({"alg": "RS256", "kid": key_id}).to_string();
        let expected = "token refused: member `kid` is missing or has the wrong type";
        fixture.check(&fixture.rsa.sign(&header, &claims), expected);
    }
}

#[test]
fn a_key_in_the_token_is_not_looked_at() {
    let fixture = fixture(|_| {});
    let other = Signer::ed();
    let header = json!({"alg": "EdDSA", "kid": "ed", "jwk": other.jwk("ed"), "jku": "http://127.0.0.1:1/",
        "x5u": "http://127.0.0.1:1/", "x5c": ["AA=="]});
    fixture.check(
        &other.sign(&header.to_string(), &claims().to_string()),
        "token refused: wrong signature",
    );
}

#[test]
fn forged_signatures_are_refused() {
    let fixture = fixture(|_| {});
    let claims = claims().to_string();
    for (algorithm, key_id, length) in [
        ("RS256", "rsa", 256),
        ("ES256", "ec", 64),
        ("EdDSA", "ed", 64),
    ] {
        let message = format!("{}.{}", encode(header(algorithm, key_id)), encode(&claims));
        let zeros = format!("{message}.{}", encode(vec![0; length]));
        fixture.check(&zeros, "token refused: wrong signature");
        fixture.check(&format!("{message}."), "malformed token: not three parts");
    }
    let good = fixture.ec.sign(&header("ES256", "ec"), &claims);
    let (message, _) = good.rsplit_once('.').unwrap();
    let der = format!(
        "{message}.{}",
        encode([&[0x30, 0x44, 2, 0x20][..], &[7; 32], &[2, 0x20], &[7; 32]].concat())
    );
    fixture.check(&der, "token refused: wrong signature");
    let other = good.replace(&encode(&claims), &encode(claims.replace("alice", "admin")));
    fixture.check(&other, "token refused: wrong signature");
}

#[test]
fn extensions_are_refused() {
    let fixture = fixture(|_| {});
    for (member, value) in [
        ("crit", json!([])),
        ("crit", json!(["x"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A")),
    ] {
        let header = json!({"alg": "EdDSA", "kid": "ed", member: value}).to_string();
        let expected = format!("token refused: header member `{member}` is not supported");
        fixture.check(&fixture.ed.sign(&header, &claims().to_string()), &expected);
    }
}

#[test]
fn what_has_no_form_is_no_token() {
    let fixture = fixture(|_| {});
    let check =
        |token: &str, expected: &str| fixture.check(token, &format!("malformed token: {expected}"));
    let good = fixture
        .ed
        .sign(&header("EdDSA", "ed"), &claims().to_string());
    check("", "not three parts");
    check("a.b", "not three parts");
    check(&format!("{good}.x"), "not three parts");
    check(&format!("{good}.x.y"), "not three parts");
    check(&format!("{good}="), "a part is not base64url");
    check(&format!("{good}/"), "a part is not base64url");
    check(&good.replacen('.', " .", 1), "a part is not base64url");
    check(
        &format!("{}B.e30.AA", encode(b"x")),
        "a part is not base64url",
    );
    check(&"a".repeat(8 * 1024 + 1), "too long");
    let json = "header or payload is no JSON object with distinct members";
    check("W10.e30.AA", json);
    for claims in [
        r#"{"sub":"a","sub":"b"}"#,
        r#"{"a":{"x":1,"x":1}}"#,
        "1",
        "{",
        r#"{"exp":1e309}"#,
    ] {
        check(&fixture.ed.sign(&header("EdDSA", "ed"), claims), json);
    }
    check(
        &fixture.ed.sign(
            r#"{"alg":"EdDSA","alg":"none","kid":"ed"}"#,
            &claims().to_string(),
        ),
        json,
    );
}

#[test]
fn times_are_needed_typed_and_bounded() {
    let fixture = fixture(|_| {});
    for member in ["exp", "nbf", "iat"] {
        for value in [
            json!("1"),
            json!(-1),
            json!(null),
            json!([1]),
            json!(1e300),
            json!(true),
            json!(i64::MAX),
        ] {
            let expected =
                format!("token refused: member `{member}` is missing or has the wrong type");
            fixture.check_claims(json!({member: value}), &expected);
        }
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("exp");
    let token = fixture
        .ed
        .sign(&header("EdDSA", "ed"), &without.to_string());
    fixture.check(
        &token,
        "token refused: member `exp` is missing or has the wrong type",
    );
    fixture.check_claims(json!({"exp": seconds(-10)}), "token refused: expired");
    fixture.check_claims(json!({"exp": seconds(-9)}), "acme:alice");
    fixture.check_claims(json!({"exp": 1_787_047_200.5}), "acme:alice");
    fixture.check_claims(json!({"nbf": seconds(10)}), "acme:alice");
    for member in ["nbf", "iat"] {
        fixture.check_claims(json!({member: seconds(11)}), "token refused: not yet valid");
    }
    let long = "token refused: lifetime too long";
    fixture.check_claims(json!({"exp": seconds(86_395)}), "acme:alice");
    fixture.check_claims(json!({"exp": seconds(86_396)}), long);
    fixture.check_claims(json!({"exp": 253_402_207_200_i64}), long);
    fixture.check_claims(
        json!({"exp": 253_402_207_200_i64, "iat": 253_402_207_000_i64}),
        "token refused: not yet valid",
    );
    fixture.check_claims(
        json!({"exp": now().as_millisecond()}),
        "token refused: member `exp` is missing or has the wrong type",
    );
}

#[test]
fn issuers_match_exactly() {
    let fixture = fixture(|_| {});
    fixture.check_claims(json!({"iss": "id.example/a"}), "acme:alice");
    for issuer in [
        "https://id.example/a/",
        "http://id.example/a",
        "https://ID.example/a",
        "https://id.ex\u{e4}mple/a",
        "https://good@id.example/a",
        "https://https://id.example/a",
        "",
    ] {
        fixture.check_claims(
            json!({"iss": issuer}),
            &format!("issuer `{issuer}` is not configured"),
        );
    }
    fixture.check_claims(
        json!({"iss": 1}),
        "token refused: member `iss` is missing or has the wrong type",
    );
}

#[test]
fn audiences_match_exactly() {
    let fixture = fixture(|_| {});
    fixture.check_claims(json!({"aud": ["x", "gateway"]}), "acme:alice");
    for audience in [
        json!("gateway.evil"),
        json!("gate"),
        json!(""),
        json!([]),
        json!("Gateway"),
        json!(["x"]),
    ] {
        fixture.check_claims(json!({"aud": audience}), "token refused: wrong audience");
    }
    fixture.check_claims(
        json!({"aud": [1]}),
        "token refused: member `aud` is missing or has the wrong type",
    );
    let any = self::fixture(|entry| entry.audience = Audience::Any);
    any.check_claims(json!({"aud": "other"}), "acme:alice");
}

#[test]
fn only_access_tokens_count() {
    let fixture = fixture(|_| {});
    let wrong = "token refused: wrong token type";
    for change in [
        json!({"typ": "ID"}),
        json!({"typ": "Refresh"}),
        json!({"token_use": "id"}),
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
    ] {
        fixture.check_claims(change, wrong);
    }
    fixture.check_claims(json!({"typ": "Bearer"}), "acme:alice");
    let typed = |kind: &str| json!({"alg": "EdDSA", "kid": "ed", "typ": kind}).to_string();
    let claims = claims().to_string();
    fixture.check(
        &fixture.ed.sign(&typed("application/LOGOUT+jwt"), &claims),
        wrong,
    );
    fixture.check(&fixture.ed.sign(&typed("JWT"), &claims), "acme:alice");
    let strict = self::fixture(|entry| entry.token_types = vec!["at+jwt".to_owned()]);
    strict.check(
        &strict.ed.sign(&typed("application/at+jwt"), &claims),
        "acme:alice",
    );
    strict.check(&strict.ed.sign(&typed("JWT"), &claims), wrong);
    strict.check(&strict.ed.sign(&header("EdDSA", "ed"), &claims), wrong);
}

#[test]
fn claims_become_subjects_under_conditions() {
    let fixture = fixture(|entry| {
        entry.auth_subjects = vec![
            "{{ jwt:sub }}".to_owned(),
            "{{ jwt:realm/roles }}@{{ jwt:aud }}".to_owned(),
        ];
        entry.prerequisite_conditions = vec!["{{ jwt:scope | fn:filter('eq','twin') }}".to_owned()];
    });
    let condition = "a prerequisite condition of issuer `acme` does not hold";
    fixture.check_claims(json!({}), condition);
    fixture.check_claims(json!({"scope": "other"}), condition);
    fixture.check_claims(
        json!({"scope": ["x", "twin"], "realm": [{"roles": ["a"]}, {"roles": ["b", "a"]}]}),
        "acme:alice|acme:a@gateway|acme:b@gateway",
    );
    fixture.check_claims(
        json!({"scope": "twin", "realm": {"roles": ["", "x".repeat(300)]}, "aud": "gateway"}),
        "acme:alice|acme:@gateway",
    );
    let characters = "token refused: a claim that makes a subject has control characters";
    for role in ["a\nb", "\u{9b}31m", "\u{7f}"] {
        let claims = json!({"scope": "twin", "realm": {"roles": ["good", role]}});
        fixture.check_claims(claims, characters);
    }
    fixture.check_claims(json!({"scope": "twin", "sub": "alice\r\n"}), characters);
    let many: Vec<_> = (0..1001).collect();
    let fixture = self::fixture(|entry| entry.auth_subjects = vec!["{{ jwt:roles }}".to_owned()]);
    fixture.check_claims(json!({"roles": many}), "token refused: too many subjects");
}

#[test]
fn claims_become_headers() {
    let fixture = fixture(|entry| {
        let pairs = [("X-Realm", "{{ jwt:realm }}"), ("x-none", "{{ jwt:none }}")];
        entry.inject_claims_into_headers = pairs
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
    });
    let mut claims = claims();
    claims["realm"] = json!(["one", "two"]);
    let headers = bearer(&fixture.ed.sign(&header("EdDSA", "ed"), &claims.to_string()));
    let chain = AuthenticationChain::new(vec![fixture.provider], OnConflict::Reject);
    let parts = request(&headers, "");
    let principal = futures_util::FutureExt::now_or_never(chain.authenticate(&parts))
        .unwrap()
        .unwrap();
    let headers = &principal.credential().headers;
    assert_eq!(headers.as_ref(), [("x-realm".into(), "one".into())]);
    assert_eq!(
        chain.claimed_headers().as_ref(),
        ["x-none".into(), "x-realm".into()]
    );
}

#[test]
fn a_token_stands_in_the_header_or_in_the_query_of_an_upgrade() {
    let fixture = fixture(|_| {});
    let token = fixture
        .ed
        .sign(&header("EdDSA", "ed"), &claims().to_string());
    let query = format!("a=b&access_token={token}");
    let twice = format!("{query}&access_token={token}");
    let chain = AuthenticationChain::new(vec![fixture.provider], OnConflict::Reject);
    let ask = |headers: Headers, query: &str, kind| {
        let parts = RequestParts {
            kind,
            ..request(&headers, query)
        };
        match futures_util::FutureExt::now_or_never(chain.authenticate(&parts)).unwrap() {
            Ok(principal) => principal.subjects()[0].to_string(),
            Err(error) => error.to_string(),
        }
    };
    let (http, upgrade) = (RequestKind::Http, RequestKind::WebSocketUpgrade);
    let basic = || Headers(vec![("authorization", "Basic eDp5".to_owned())]);
    let none = "no credential of a configured kind";
    let malformed = "malformed token: the authorization header is not `Bearer` and one token";
    assert_eq!(ask(bearer(&token), "", http), "acme:alice");
    assert_eq!(ask(Headers::default(), &query, http), none);
    assert_eq!(ask(Headers::default(), &query, upgrade), "acme:alice");
    assert_eq!(ask(basic(), &query, upgrade), "acme:alice");
    assert_eq!(ask(basic(), "", http), none);
    assert_eq!(
        ask(bearer(&token), &query, upgrade),
        "several tokens in one request"
    );
    assert_eq!(
        ask(Headers::default(), &twice, upgrade),
        "several tokens in one request"
    );
    assert_eq!(ask(bearer(""), "", http), malformed);
    let two_words = ask(bearer("a b"), "", http);
    assert_eq!(two_words, "malformed token: not three parts");
    assert_eq!(ask(bearer("tww_live_x"), "", http), none);
}

#[test]
fn unusable_settings_are_refused() {
    let with = |change: fn(&mut IssuerSettings)| {
        let mut entry = IssuerSettings::new("acme", "id.example", Audience::Any);
        change(&mut entry);
        JwtProvider::new(JwtSettings {
            issuers: vec![entry],
            ..JwtSettings::default()
        })
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
    };
    assert_eq!(with(|_| {}), "");
    assert!(with(|entry| entry.issuers.clear()).contains("lists no issuer"));
    assert!(
        with(|entry| entry.issuers = vec!["https://x".to_owned()]).contains("without a scheme")
    );
    assert!(with(|entry| entry.issuers.push("id.example".to_owned())).contains("listed twice"));
    assert!(
        with(|entry| entry.audience = Audience::OneOf(Vec::new())).contains("lists no audience")
    );
    assert!(
        with(|entry| entry.auth_subjects = vec!["{{ header:x }}".to_owned()]).contains("template")
    );
    assert!(with(|entry| entry.jwks_file = Some("/nowhere".into())).contains("cannot be read"));
    assert!(with(|entry| entry.name = "a:b".to_owned()).contains("cannot be the first half"));
    let entry = IssuerSettings::new("acme", "id.example", Audience::Any);
    let http = JwtSettings {
        protocol: super::super::Protocol::Http,
        issuers: vec![entry],
        ..JwtSettings::default()
    };
    assert!(matches!(
        JwtProvider::new(http),
        Err(SettingsError::InsecureIssuer { .. })
    ));
}
