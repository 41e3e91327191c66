//! No credential, however it was cut, joined or changed, yields a subject that it did not prove.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::api_key::{
    ApiKeyCredential, ApiKeyProvider, ApiKeySettings, Environment, IdentitySettings, generate,
};
use crate::jwt::testing::Signer;
use crate::jwt::{Audience, IssuerSettings, JwtProvider, JwtSettings};
use crate::testing::now;
use crate::{Guard, PeerAddress, PreAuthenticatedProvider, PreAuthenticatedSettings, TrustedPeer};

/// A key of Edge Server, and its cheapest accepted hash, by argon2id.
const LEGACY_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct World {
    chain: AuthenticationChain,
    /// Everything that proves something, and what.
    credentials: Vec<(String, &'static str)>,
    runtime: tokio::runtime::Runtime,
}

/// An issuer whose key is known, a proxy on a Unix socket that is believed, three identities with keys of both kinds.
fn world() -> World {
    let signer = Signer::ed();
    let token = |sub: &str| {
        let claims =
            serde_json::json!({ "iss": "id.example", "sub": sub, "exp": now().as_second() + 60 });
        signer.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string())
    };
    let (one, two) = (
        generate("tww", Environment::Live),
        generate("tww", Environment::Live),
    );
    let identities = vec![
        identity("press-07", &one.verifier),
        identity("press-08", &two.verifier),
        identity("old-01", &legacy_hash(LEGACY_KEY)),
    ];
    let credentials = vec![
        (token("alice"), "acme:alice"),
        (token("bob"), "acme:bob"),
        (one.key.expose_secret().to_owned(), "edge:press-07"),
        (two.key.expose_secret().to_owned(), "edge:press-08"),
        (LEGACY_KEY.to_owned(), "edge:old-01"),
    ];
    let providers: Vec<Arc<dyn AuthenticationProvider>> = vec![
        Arc::new(proxy()),
        Arc::new(issuer(&signer)),
        Arc::new(keys(identities)),
    ];
    World {
        chain: AuthenticationChain::new(providers, OnConflict::First),
        credentials,
        runtime: tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap(),
    }
}

fn proxy() -> PreAuthenticatedProvider {
    PreAuthenticatedProvider::new(PreAuthenticatedSettings {
        enabled: true,
        trusted_peers: vec![TrustedPeer::Unix],
        subject_prefixes: Vec::new(),
        reserved_issuers: vec!["acme".to_owned(), "edge".to_owned()],
        single_subject: false,
        assertion: None,
    })
    .unwrap()
}

fn issuer(signer: &Signer) -> JwtProvider {
    let file = tempfile::NamedTempFile::new().unwrap();
    let keys = serde_json::json!({ "keys": [signer.jwk("k")] });
    std::fs::write(file.path(), keys.to_string()).unwrap();
    let mut entry = IssuerSettings::new("acme", "id.example", Audience::Any);
    entry.jwks_file = Some(file.path().to_owned());
    JwtProvider::new(JwtSettings {
        issuers: vec![entry],
        ..JwtSettings::default()
    })
    .unwrap()
}

fn keys(identities: Vec<IdentitySettings>) -> ApiKeyProvider {
    let settings = ApiKeySettings {
        identities,
        ..ApiKeySettings::default()
    };
    ApiKeyProvider::new(settings, Arc::default(), Arc::new(Guard::new(None))).unwrap()
}

fn identity(name: &str, verifier: &str) -> IdentitySettings {
    IdentitySettings {
        name: name.to_owned(),
        credentials: vec![ApiKeyCredential {
            verifier: verifier.to_owned(),
            ..ApiKeyCredential::default()
        }],
        ..IdentitySettings::default()
    }
}

fn legacy_hash(key: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let params = argon2::Params::new(8 << 10, 1, 1, Some(32)).unwrap();
    let mut tag = [0; 32];
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(key.as_bytes(), b"saltsalt", &mut tag)
        .unwrap();
    let (salt, tag) = (
        STANDARD_NO_PAD.encode("saltsalt"),
        STANDARD_NO_PAD.encode(tag),
    );
    format!("argon2id$v=19$m=8192,t=1,p=1${salt}${tag}")
}

/// Which credentials a request starts from, and what is done to them.
#[derive(Debug, Clone, Copy)]
struct Change {
    one: usize,
    other: usize,
    from: usize,
    to: usize,
    byte: u8,
}

fn changes() -> impl Strategy<Value = Change> {
    any::<(usize, usize, usize, usize, u8)>().prop_map(|(one, other, from, to, byte)| Change {
        one,
        other,
        from,
        to,
        byte,
    })
}

fn changed(world: &World, change: Change) -> String {
    let of = |number: usize| &world.credentials[number % world.credentials.len()].0;
    let (one, other) = (of(change.one), of(change.other));
    let mut text: Vec<u8> = one.bytes().collect();
    let (from, to) = (change.from % text.len(), change.to % other.len());
    match change.byte % 6 {
        0 => {}
        1 => text[from] = change.byte.clamp(b'!', b'~'),
        2 => {
            text = one
                .bytes()
                .take(from)
                .chain(other.bytes().skip(to))
                .collect();
        }
        3 => text.truncate(from),
        4 => text.swap_with_slice(&mut one.to_uppercase().into_bytes()),
        _ => text.extend(other.bytes().skip(to)),
    }
    String::from_utf8(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_subject_is_proved_or_absent(
        change in changes(),
        vouched in proptest::option::of("(nginx|acme|edge|x):[a-z]{0,3}(, ?(acme|edge|nginx):[a-z]{1,3})?"),
        is_proxy in any::<bool>(),
    ) {
        thread_local! { static WORLD: World = world(); }
        WORLD.with(|world| {
            let presented = changed(world, change);
            let proved = world.credentials.iter().find(|(credential, _)| *credential == presented);
            let mut headers = vec![("authorization", format!("Bearer {presented}"))];
            headers.extend(vouched.iter().map(|text| ("x-ditto-pre-authenticated", text.clone())));
            let headers = Headers(headers);
            let peer = if is_proxy { PeerAddress::Unix } else { PeerAddress::Ip([127, 0, 0, 1].into()) };
            let parts = RequestParts { peer, ..request(&headers, "") };
            let result = world.runtime.block_on(world.chain.authenticate(&parts));
            for subject in result.iter().flat_map(Principal::subjects) {
                let is_vouched_for = is_proxy && !["acme", "edge"].contains(&subject.issuer())
                    && vouched.iter().flat_map(|text| text.split(',')).any(|piece| piece.trim() == subject.as_str());
                let is_proved = proved.is_some_and(|(_, proves)| *proves == subject.as_str());
                prop_assert!(is_proved || is_vouched_for, "{subject} by {presented}, {vouched:?}, proxy: {is_proxy}");
            }
            if proved.is_some() && vouched.is_none() {
                prop_assert!(result.is_ok(), "what is proved is believed: {presented}");
            }
            Ok(())
        })?;
    }
}
