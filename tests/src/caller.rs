//! A client of the gateway with one identity, or none.

use std::net::SocketAddr;

use reqwest::{Certificate, Client, ClientBuilder, Method};
use serde_json::Value;

use crate::answer::Answer;
use crate::event_stream::EventStream;
use crate::process::deadline;
use crate::web_socket::Socket;

/// Sends requests to one address, each with the same header fields.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    scheme: &'static str,
    address: String,
    headers: Vec<(String, String)>,
}

impl Caller {
    /// A caller of `address` (`host:port`) without any credential.
    pub fn anonymous(address: &str) -> Self {
        Self {
            client: builder().build().expect("a client can be built"),
            scheme: "http",
            address: address.to_owned(),
            headers: Vec::new(),
        }
    }

    /// A caller of `address` by the name `host` and TLS that trusts `root` (PEM) and nobody else.
    pub fn secure(address: &str, host: &str, root: &str) -> Self {
        let socket: SocketAddr = address.parse().expect("an address");
        let root = Certificate::from_pem(root.as_bytes()).expect("PEM");
        let client = builder().tls_certs_only([root]).resolve(host, socket);
        Self {
            client: client.build().expect("a client can be built"),
            scheme: "https",
            address: format!("{host}:{}", socket.port()),
            headers: Vec::new(),
        }
    }

    /// The same caller, sending one more header field.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    /// The same caller with `Authorization: Bearer <token>`.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same caller with `Authorization: Basic <name:password>`.
    pub fn basic(&self, name: &str, password: &str) -> Self {
        let request = self
            .client
            .get(self.url("/"))
            .basic_auth(name, Some(password))
            .build()
            .expect("a request");
        let value = request
            .headers()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        self.with("authorization", value.expect("basic_auth sets the header"))
    }

    /// The header fields it sends, e.g. for a client that is no part of this crate.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// `host:port` of what it calls.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// `PATCH path` with a JSON merge patch (RFC 7396).
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        let media_type = ("content-type", "application/merge-patch+json");
        self.send(Method::PATCH, path, &[media_type], Some(body.to_string()))
            .await
    }

    /// Any request; `headers` come on top of the caller's own.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        match self.try_send(method, path, headers, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error:?}"),
        }
    }

    /// Like [`Caller::send`], for a gateway that may be gone before it answers.
    ///
    /// # Errors
    ///
    /// Whatever kept the response from arriving completely.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = deadline(path, request.send()).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = deadline(path, response.text()).await?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Opens a stream of server-sent events at `path`, asking for it unless the caller has an `accept` of its own; the
    /// answer itself if there is no stream.
    ///
    /// # Errors
    ///
    /// The answer, if it is not a stream of events.
    pub async fn events(&self, path: &str) -> Result<EventStream, Answer> {
        let mut request = self.request(Method::GET, path);
        if !self.headers.iter().any(|(name, _)| name == "accept") {
            request = request.header("accept", "text/event-stream");
        }
        let response = deadline(path, request.send())
            .await
            .expect("the gateway answers");
        let media_type = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        if media_type.is_some_and(|media_type| media_type.starts_with("text/event-stream")) {
            Ok(EventStream::new(response))
        } else {
            Err(Answer::read(response).await)
        }
    }

    /// Opens `/ws/2`.
    ///
    /// # Errors
    ///
    /// Status and body of the refusal.
    pub async fn web_socket(&self) -> Result<Socket, (u16, String)> {
        Socket::open(&format!("ws://{}/ws/2", self.address), &self.headers).await
    }

    /// Opens `/ws/2` with a query.
    ///
    /// # Errors
    ///
    /// Status and body of the refusal.
    pub async fn web_socket_with(&self, query: &str) -> Result<Socket, (u16, String)> {
        Socket::open(
            &format!("ws://{}/ws/2?{query}", self.address),
            &self.headers,
        )
        .await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(
            method,
            path,
            &[("content-type", "application/json")],
            Some(body.to_string()),
        )
        .await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url(path));
        self.headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        // A server that closes an idle connection just now would look like one that does not answer.
        .pool_idle_timeout(std::time::Duration::from_secs(2))
        .redirect(reqwest::redirect::Policy::none())
}
