//! What proxies say about where a request comes from and how it was sent, and who is believed.

use serde_json::{Value, json};
use tests::{Caller, TestGateway, eventually, raw_status};

/// Where auditors are told that `subject` came from.
async fn source_of(gateway: &TestGateway, subject: &str) -> String {
    let path = gateway.data().join("audit.jsonl");
    eventually("a record of the caller", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let found = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|record| record["event"] == "auth.allow" && record["actor"]["id"] == subject);
        std::future::ready(found.and_then(|record| Some(record["src"]["ip"].as_str()?.to_owned())))
    })
    .await
}

fn hops(prefix: &str) -> String {
    let hops: Vec<String> = (1..=50).map(|number| format!("{prefix}{number}")).collect();
    hops.join(", ")
}

#[tokio::test]
async fn of_many_hops_the_right_most_that_is_not_trusted_counts() {
    let gateway = TestGateway::start().await;
    let cases = [
        ("198.51.100.1", "198.51.100.1"),
        ("192.0.2.1, 198.51.100.1, 127.0.0.9", "198.51.100.1"),
        (&hops("10.0.0."), "10.0.0.50"),
        // So many trusted hops are no proxies any more; whatever stands left of them is not looked at.
        (&format!("198.51.100.1, {}", hops("127.0.0.")), "127.0.0.35"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2::7", "2001:db8:1:2::7"),
        ("198.51.100.1, garbage", "127.0.0.1"),
        ("198.51.100.1, unknown, 127.0.0.2", "127.0.0.2"),
        ("fe80::1%eth0", "127.0.0.1"),
        ("[2001:db8::1]:443", "127.0.0.1"),
        ("198.51.100.1:80", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("198.51.100.256", "127.0.0.1"),
        (",,,", "127.0.0.1"),
        (&"1".repeat(4000), "127.0.0.1"),
    ];
    for (number, (forwarded_for, expected)) in cases.into_iter().enumerate() {
        let subject = format!("nginx:u{number}");
        let caller = gateway
            .as_subject(&subject)
            .with("x-forwarded-for", forwarded_for);
        caller.get("/api/2/whoami").await.expect(200);
        assert_eq!(
            source_of(&gateway, &subject).await,
            expected,
            "{forwarded_for:.60}"
        );
    }
    let twice = gateway
        .as_subject("nginx:twice")
        .with("x-forwarded-for", "198.51.100.1")
        .with("x-forwarded-for", "198.51.100.2");
    twice
        .get("/api/2/whoami")
        .await
        .expect_error(400, "gateway:duplicate.header.field");
}

#[tokio::test]
async fn a_stranger_is_where_his_socket_is() {
    let gateway = TestGateway::start_with(json!({
        "http_server": { "trusted_proxies": ["192.0.2.0/24"] },
        "limits": { "per_source": { "requests": 1, "window": "60s", "burst": 20 } },
    }))
    .await;
    let lying = |caller: Caller, number: usize| {
        caller
            .with("x-forwarded-for", &format!("198.51.100.{number}"))
            .with("forwarded", &format!("for=198.51.100.{number}"))
            .with("x-real-ip", &format!("198.51.100.{number}"))
            .with("true-client-ip", &format!("198.51.100.{number}"))
    };
    lying(gateway.as_subject("nginx:liar"), 1)
        .get("/api/2/whoami")
        .await
        .expect(200);
    assert_eq!(source_of(&gateway, "nginx:liar").await, "127.0.0.1");
    let mut statuses = Vec::new();
    for number in 0..20 {
        let caller = lying(gateway.anonymous(), number);
        statuses.push(caller.get("/api/2/whoami").await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[tokio::test]
async fn nothing_but_a_trusted_proxys_own_word_stands_for_tls() {
    let forced = |trusted: &str| json!({ "http_server": { "force_https": true, "trusted_proxies": [trusted] } });
    let behind_proxy = TestGateway::start_with(forced("127.0.0.0/8")).await;
    let exposed = TestGateway::start_with(forced("192.0.2.0/24")).await;
    let ask = async |gateway: &TestGateway, line: &str| {
        let lines = ["x-ditto-pre-authenticated: nginx:alice", line];
        raw_status(&gateway.endpoints().public, "GET", "/api/2/whoami", &lines).await
    };
    let said = "x-forwarded-proto: https";
    assert_eq!(ask(&behind_proxy, said).await, Some(200), "the control");
    assert_eq!(ask(&exposed, said).await, Some(404));
    for line in [
        "x_forwarded_proto: https",
        "x-forwarded_proto: https",
        "x-forwarded-proto: http",
        "x-forwarded-proto: https, http",
        "x-forwarded-proto: http, https",
        "forwarded: proto=https",
        "x-forwarded-ssl: on",
        "front-end-https: on",
        "x-url-scheme: https",
        "x-forwarded-scheme: https",
    ] {
        for gateway in [&behind_proxy, &exposed] {
            let status = ask(gateway, line).await;
            assert!(matches!(status, Some(400 | 404)), "{line}: {status:?}");
        }
    }
}
