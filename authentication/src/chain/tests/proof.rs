//! No credential, however it was cut, joined or changed, yields a subject that it did not prove.

use proptest::prelude::*;

use super::*;
use crate::jwt::testing::Signer;
use crate::jwt::{Audience, IssuerSettings, JwtProvider, JwtSettings};
use crate::testing::now;
use crate::{PeerAddress, PreAuthenticatedProvider, PreAuthenticatedSettings, TrustedPeer};

struct World {
    chain: AuthenticationChain,
    alice: String,
    bob: String,
}

/// An issuer whose key is known, a proxy on a Unix socket that is believed.
fn world() -> World {
    let signer = Signer::ed();
    let file = tempfile::NamedTempFile::new().unwrap();
    let keys = serde_json::json!({ "keys": [signer.jwk("k")] });
    std::fs::write(file.path(), keys.to_string()).unwrap();
    let mut entry = IssuerSettings::new("acme", "id.example", Audience::Any);
    entry.jwks_file = Some(file.path().to_owned());
    let settings = JwtSettings {
        issuers: vec![entry],
        ..JwtSettings::default()
    };
    let proxy = PreAuthenticatedSettings {
        enabled: true,
        trusted_peers: vec![TrustedPeer::Unix],
        subject_prefixes: Vec::new(),
        reserved_issuers: vec!["acme".to_owned()],
        single_subject: false,
        assertion: None,
    };
    let token = |sub: &str| {
        let claims =
            serde_json::json!({ "iss": "id.example", "sub": sub, "exp": now().as_second() + 60 });
        signer.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string())
    };
    let (alice, bob) = (token("alice"), token("bob"));
    let providers: Vec<Arc<dyn AuthenticationProvider>> = vec![
        Arc::new(PreAuthenticatedProvider::new(proxy).unwrap()),
        Arc::new(JwtProvider::new(settings).unwrap()),
    ];
    World {
        chain: AuthenticationChain::new(providers, OnConflict::First),
        alice,
        bob,
    }
}

/// Which token a request starts from, and what is done to it.
fn changed(
    world: &World,
    (takes_bob, from, to, cut, byte): (bool, usize, usize, usize, u8),
) -> String {
    let (one, other) = if takes_bob {
        (&world.bob, &world.alice)
    } else {
        (&world.alice, &world.bob)
    };
    let mut text: Vec<u8> = one.bytes().collect();
    let (from, to) = (from % text.len(), to % text.len());
    match byte % 4 {
        0 => {}
        1 => text[from] = byte.clamp(b'!', b'~'),
        2 => {
            text = one
                .bytes()
                .take(from)
                .chain(other.bytes().skip(to))
                .collect()
        }
        _ => text.truncate(cut % one.len()),
    }
    String::from_utf8(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_subject_is_proved_or_absent(
        change in any::<(bool, usize, usize, usize, u8)>(),
        vouched in proptest::option::of("(nginx|acme|edge|x):[a-z]{0,3}(, ?(acme|nginx):[a-z]{1,3})?"),
        is_proxy in any::<bool>(),
    ) {
        thread_local! { static WORLD: World = world(); }
        WORLD.with(|world| {
            let token = changed(world, change);
            let mut headers = vec![("authorization", format!("Bearer {token}"))];
            headers.extend(vouched.iter().map(|text| ("x-ditto-pre-authenticated", text.clone())));
            let headers = Headers(headers);
            let peer = if is_proxy { PeerAddress::Unix } else { PeerAddress::Ip([127, 0, 0, 1].into()) };
            let parts = RequestParts { peer, ..request(&headers, "") };
            let result = futures_util::FutureExt::now_or_never(world.chain.authenticate(&parts)).unwrap();
            for subject in result.iter().flat_map(Principal::subjects) {
                let is_proved = match subject.as_str() {
                    "acme:alice" => token == world.alice,
                    "acme:bob" => token == world.bob,
                    named => is_proxy && subject.issuer() != "acme"
                        && vouched.iter().flat_map(|text| text.split(',')).any(|piece| piece.trim() == named),
                };
                prop_assert!(is_proved, "{subject} by {token}, {vouched:?}, proxy: {is_proxy}");
            }
            if token == world.alice && vouched.is_none() {
                prop_assert!(result.is_ok(), "what is proved is believed");
            }
            Ok(())
        })?;
    }
}
