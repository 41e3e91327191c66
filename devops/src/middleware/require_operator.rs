//! Lets nobody pass into a scope without a credential of its surface.

use std::time::Duration;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::{self, Data};
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};
use jiff::Timestamp;
use secrecy::SecretString;

use super::access_log::{Access, AccessOutcome, source_of};
use crate::app::Operations;
use crate::credentials::{self, Grant, Presented};
use crate::error::Refusal;
use crate::source::Source;
use crate::surface::Surface;

pub(crate) async fn require_status<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    require(Surface::Status, request, next).await
}

pub(crate) async fn require_metrics<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    require(Surface::Metrics, request, next).await
}

pub(crate) async fn require_devops<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    require(Surface::Devops, request, next).await
}

async fn require<B: MessageBody>(
    surface: Surface,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let verdict = admit(surface, request.request()).await;
    let outcome = match &verdict {
        Ok(grant) => AccessOutcome::Granted(*grant),
        Err(denial) => denial.outcome,
    };
    request.extensions_mut().insert(Access { surface, outcome });
    match verdict {
        Ok(_) => next
            .call(request)
            .await
            .map(ServiceResponse::map_into_left_body),
        Err(denial) => Ok(request
            .into_response(denial.refusal.error_response())
            .map_into_right_body()),
    }
}

/// Why a request was not admitted, to the client and to the log.
struct Denial {
    refusal: Refusal,
    outcome: AccessOutcome,
}

impl Denial {
    fn no_credential(surface: Surface) -> Self {
        Self {
            refusal: Refusal::NotAuthenticated { surface },
            outcome: AccessOutcome::NoCredential,
        }
    }

    fn rejected(surface: Surface) -> Self {
        Self {
            refusal: Refusal::NotAuthenticated { surface },
            outcome: AccessOutcome::Rejected,
        }
    }

    fn throttled(retry_after: Duration) -> Self {
        Self {
            refusal: Refusal::TooManyAttempts { retry_after },
            outcome: AccessOutcome::Throttled,
        }
    }

    fn internal() -> Self {
        Self::from(Refusal::Internal)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            outcome: AccessOutcome::Rejected,
        }
    }
}

/// What there is to know about one try to get in.
struct Attempt {
    operations: Data<Operations>,
    surface: Surface,
    source: Option<Source>,
    now: Timestamp,
}

async fn admit(surface: Surface, request: &HttpRequest) -> Result<Grant, Denial> {
    let presented = presented_by(request)?.ok_or_else(|| Denial::no_credential(surface))?;
    let operations = request
        .app_data::<Data<Operations>>()
        .expect("create_app adds the operations")
        .clone();
    let attempt = Attempt {
        surface,
        source: source_of(request),
        now: (operations.dependencies.clock)(),
        operations,
    };
    attempt.judge(presented).await
}

fn presented_by(request: &HttpRequest) -> Result<Option<Presented>, Refusal> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(header), None) => Ok(Some(Presented::parse(header.as_bytes()))),
        (Some(_), Some(_)) => Err(Refusal::DuplicateHeader {
            name: "authorization",
        }),
    }
}

impl Attempt {
    /// Cheap answers first, for everybody; hashing only for who need not wait.
    async fn judge(self, presented: Presented) -> Result<Grant, Denial> {
        let operations = &self.operations;
        match presented {
            Presented::Password(password) => {
                match operations
                    .passwords
                    .recognise(&password, self.surface, self.now)
                {
                    Some(grant) => Ok(grant),
                    None => web::block(move || self.hash(&password))
                        .await
                        .unwrap_or_else(|_| Err(Denial::internal())),
                }
            }
            Presented::Token(token) => {
                let expected = operations.settings.metrics_token.as_ref();
                credentials::recognise_token(&token, self.surface, expected)
                    .ok_or_else(|| self.fail())
            }
            Presented::Unusable => Err(self.fail()),
        }
    }

    /// Asks for the wait right before the hash, so that failures that happened in the queue count.
    fn hash(&self, password: &SecretString) -> Result<Grant, Denial> {
        if let Some(wait) = self.wait() {
            return Err(Denial::throttled(wait));
        }
        self.operations
            .passwords
            .verify(password, self.surface, self.now)
            .ok_or_else(|| self.fail())
    }

    /// Counts a failure, unless the source had to wait anyway.
    fn fail(&self) -> Denial {
        let wait = self.wait().or_else(|| {
            let guard = &self.operations.brute_force;
            guard.record_failure(self.source?, self.now)
        });
        wait.map_or_else(|| Denial::rejected(self.surface), Denial::throttled)
    }

    fn wait(&self) -> Option<Duration> {
        self.operations.brute_force.wait_of(self.source?, self.now)
    }
}
