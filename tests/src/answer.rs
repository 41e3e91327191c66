//! What came back from a request.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A complete HTTP response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.expect("a response body can be read"),
        }
    }

    /// The value of the header field `name`, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON; panics with the body if it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the body of a {}: {:?}", self.status, self.body),
        }
    }

    /// The status and, for an error JSON body, its code: `404 things:thing.notfound`.
    pub fn status_and_code(&self) -> String {
        let body: Option<Value> = serde_json::from_str(&self.body).ok();
        match body
            .as_ref()
            .and_then(|body| body.get("error"))
            .and_then(Value::as_str)
        {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    /// Panics with the whole answer unless its status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "body: {}", self.body);
        self
    }

    /// Panics with the whole answer unless it is the error `code` with `status`, in Ditto's error JSON.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Self {
        assert_eq!(
            self.status_and_code(),
            format!("{status} {code}"),
            "body: {}",
            self.body
        );
        assert_eq!(self.json()["status"], status, "body: {}", self.body);
        assert!(
            self.header("content-type").starts_with("application/json"),
            "{:?}",
            self.headers
        );
        self
    }
}
