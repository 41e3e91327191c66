//! Lets nobody pass into a scope without a credential of its surface.

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
    fn new(refusal: Refusal, outcome: AccessOutcome) -> Self {
        Self { refusal, outcome }
    }

    fn of_failure(attempt: &Attempt) -> Self {
        let wait = attempt.source.and_then(|source| {
            attempt
                .operations
                .brute_force
                .record_failure(source, attempt.now)
        });
        match wait {
            Some(wait) => Self::throttled(wait),
            None => Self::new(
                Refusal::NotAuthenticated {
                    surface: attempt.surface,
                },
                AccessOutcome::Rejected,
            ),
        }
    }

    fn throttled(retry_after: std::time::Duration) -> Self {
        Self::new(
            Refusal::TooManyAttempts { retry_after },
            AccessOutcome::Throttled,
        )
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
    let Some(presented) =
        presented_by(request).map_err(|refusal| Denial::new(refusal, AccessOutcome::Rejected))?
    else {
        return Err(Denial::new(
            Refusal::NotAuthenticated { surface },
            AccessOutcome::NoCredential,
        ));
    };
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
        if let Some(grant) =
            credentials::recognise(&presented, self.surface, &self.operations, self.now)
        {
            return Ok(grant);
        }
        match presented {
            Presented::Token(_) | Presented::Unusable => {
                self.refuse_if_waiting()?;
                Err(Denial::of_failure(&self))
            }
            Presented::Password(password) => web::block(move || self.judge_password(&password))
                .await
                .unwrap_or_else(|_| Err(Denial::new(Refusal::Internal, AccessOutcome::Rejected))),
        }
    }

    /// Asks for the wait right before the hash, so that failures that happened in the queue count.
    fn judge_password(&self, password: &SecretString) -> Result<Grant, Denial> {
        self.refuse_if_waiting()?;
        credentials::verify(password, self.surface, &self.operations, self.now)
            .ok_or_else(|| Denial::of_failure(self))
    }

    fn refuse_if_waiting(&self) -> Result<(), Denial> {
        let wait = self
            .source
            .and_then(|source| self.operations.brute_force.wait_of(source, self.now));
        wait.map_or(Ok(()), |wait| Err(Denial::throttled(wait)))
    }
}
