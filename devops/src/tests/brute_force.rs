//! Guessing gets slower, and only for who guesses.

use super::*;

async fn guess(operator: &Operator, source: &str, password: &str) -> Answer {
    let request = get("/devops/logging").peer_addr(peer(source));
    operator.send(with(request, Some(basic(password)))).await
}

/// Sends more wrong passwords than are free.
async fn use_up_the_failures(operator: &Operator, source: &str) {
    for number in 0..4 {
        guess(operator, source, &format!("guess {number}")).await;
    }
}

#[actix_web::test]
async fn after_some_failures_a_source_has_to_wait_ever_longer() {
    let operator = Operator::start();
    for number in 0..3 {
        let answer = guess(&operator, "192.0.2.1", &format!("guess {number}")).await;
        answer.assert_error(401, "gateway:authentication.failed");
    }
    for (number, wait) in [(3, "1"), (4, "2"), (5, "4")] {
        let answer = guess(&operator, "192.0.2.1", &format!("guess {number}")).await;
        answer.assert_error(429, "too.many.requests");
        assert_eq!(answer.header("retry-after"), Some(wait));
        operator.pass(Duration::from_secs(wait.parse().unwrap()));
    }
}

#[actix_web::test]
async fn a_waiting_source_is_not_heard_until_the_wait_is_over() {
    let operator = Operator::start();
    use_up_the_failures(&operator, "192.0.2.1").await;
    let waiting = guess(&operator, "192.0.2.1", DEVOPS_PASSWORD).await;
    waiting.assert_error(429, "too.many.requests");
    operator.pass(Duration::from_secs(1));
    let heard = guess(&operator, "192.0.2.1", DEVOPS_PASSWORD).await;
    assert_eq!(heard.status, 200);
}

#[actix_web::test]
async fn a_clean_source_never_waits_for_others() {
    let operator = Operator::start();
    use_up_the_failures(&operator, "192.0.2.1").await;
    assert_eq!(
        guess(&operator, "192.0.2.2", DEVOPS_PASSWORD).await.status,
        200
    );
}

#[actix_web::test]
async fn a_password_that_was_right_before_gets_in_even_from_a_waiting_source() {
    let operator = Operator::start();
    assert_eq!(
        guess(&operator, "192.0.2.1", DEVOPS_PASSWORD).await.status,
        200
    );
    use_up_the_failures(&operator, "192.0.2.1").await;
    assert_eq!(
        guess(&operator, "192.0.2.1", DEVOPS_PASSWORD).await.status,
        200
    );
}

#[actix_web::test]
async fn tokens_and_malformed_credentials_count_too() {
    let operator = Operator::start();
    for _ in 0..3 {
        let answer = operator
            .get("/metrics", Some("Bearer guess".to_owned()))
            .await;
        assert_eq!(answer.status, 401);
    }
    let answer = operator
        .get("/metrics", Some("Basic nonsense".to_owned()))
        .await;
    answer.assert_error(429, "too.many.requests");
}

#[actix_web::test]
async fn asking_without_a_credential_does_not_count() {
    let operator = Operator::start();
    for _ in 0..20 {
        assert_eq!(operator.get("/status", None).await.status, 401);
    }
}

#[actix_web::test]
async fn behind_a_trusted_proxy_the_forwarded_source_counts() {
    let operator = Operator::start();
    let send = async |source: &str, password: &str| {
        let request = get("/devops/logging")
            .peer_addr(peer("127.0.0.1"))
            .insert_header(("x-forwarded-for", format!("203.0.113.9, {source}")));
        operator
            .send(with(request, Some(basic(password))))
            .await
            .status
    };
    for number in 0..4 {
        send("192.0.2.1", &format!("guess {number}")).await;
    }
    assert_eq!(send("192.0.2.1", "guess").await, 429);
    assert_eq!(send("192.0.2.2", DEVOPS_PASSWORD).await, 200);
}

/// While many addresses guess, an address that fails once has to wait as well; operators see that and can end it.
#[actix_web::test]
async fn what_waits_by_name_is_listed_and_unblocked() {
    let operator = Operator::start();
    for number in 0..30 {
        guess(&operator, &format!("192.0.2.{number}"), "guess").await;
    }
    guess(&operator, "198.51.100.1", "a slip").await;
    let again = guess(&operator, "198.51.100.1", DEVOPS_PASSWORD).await;
    again.assert_error(429, "too.many.requests");
    let clean = get("/devops/limits").peer_addr(peer("198.51.100.2"));
    let listed = operator
        .send(with(clean, Some(basic(DEVOPS_PASSWORD))))
        .await;
    assert_eq!(listed.status, 200);
    let limited = listed.json()["limited"].clone();
    let ids = limited.as_array().unwrap().iter().map(|each| &each["id"]);
    assert!(ids.clone().any(|id| id == "operator~devops"), "{limited}");
    for id in ids {
        let path = format!("/devops/limits/{}", id.as_str().unwrap());
        let unblock = get(&path)
            .method(actix_web::http::Method::DELETE)
            .peer_addr(peer("198.51.100.2"));
        let answer = operator
            .send(with(unblock, Some(basic(DEVOPS_PASSWORD))))
            .await;
        assert_eq!(answer.status, 204, "{path}");
    }
    let entered = guess(&operator, "198.51.100.1", DEVOPS_PASSWORD).await;
    assert_eq!(entered.status, 200);
}
