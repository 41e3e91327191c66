//! What the exporter of traces sends with: the HTTP client of the process, on the runtime of the process.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// How long a collector may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends batches of spans.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    /// Spans are exported by a thread without a runtime.
    runtime: Handle,
}

impl Client {
    /// To be made on the runtime of the process.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            runtime: Handle::current(),
        })
    }
}

/// What [`HttpClient`] answers with.
type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'client, 'sending>(&'client self, request: Request<Bytes>) -> Sending<'sending>
    where
        'client: 'sending,
        Self: 'sending,
    {
        let work = send(self.client.clone(), request);
        Box::pin(async move { self.runtime.spawn(work).await? })
    }
}

async fn send(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let response = client.execute(request.try_into()?).await?;
    let mut answer = Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(response.headers());
    }
    Ok(answer.body(response.bytes().await?)?)
}
