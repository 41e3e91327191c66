//! Lets nobody pass into a scope without a credential of its surface, and nobody change what they may only see.

use std::time::Duration;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::{self, Data};
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};
use authentication::{GuardedMethod, Guess};
use jiff::Timestamp;
use secrecy::SecretString;
use std::sync::Arc;

use super::access_log::{AccessOutcome, Entry, source_of};
use super::same_site::check_same_site;
use crate::access::{Access, Grant, Role, TokenRefusal};
use crate::app::Operations;
use crate::challenge::Challenge;
use crate::credentials::{Presented, USER};
use crate::error::Refusal;
use crate::source::Source;
use crate::surface::Surface;

/// Changes nothing although it takes a body.
const QUESTION: &str = "/devops/explain";

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
    let (outcome, grant) = match &verdict {
        Ok(grant) => (AccessOutcome::Granted, Some(grant.clone())),
        Err(denial) => (denial.outcome, denial.grant.clone()),
    };
    request.extensions_mut().insert(Entry {
        surface,
        outcome,
        grant,
    });
    let verdict = match verdict {
        Ok(_) if surface == Surface::Devops => ensure_record(&request).await,
        Ok(_) => Ok(()),
        Err(denial) => Err(denial),
    };
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

/// What operators do to the process is never done without a record of it.
async fn ensure_record(request: &ServiceRequest) -> Result<(), Denial> {
    let operations = request
        .app_data::<Data<Operations>>()
        .expect("create_app adds the operations")
        .clone();
    let permit = operations.dependencies.audit.admit().await;
    let permit = permit.map_err(|_| Denial::from(Refusal::NotRecordable))?;
    request.extensions_mut().insert(permit);
    Ok(())
}

/// Why a request was not admitted, to the client and to the log.
struct Denial {
    refusal: Refusal,
    outcome: AccessOutcome,
    /// Who it was, if somebody was recognised.
    grant: Option<Grant>,
}

impl Denial {
    fn new(refusal: Refusal, outcome: AccessOutcome) -> Self {
        Self {
            refusal,
            outcome,
            grant: None,
        }
    }

    fn throttled(retry_after: Duration) -> Self {
        Self::new(
            Refusal::TooManyAttempts { retry_after },
            AccessOutcome::Throttled,
        )
    }

    fn internal() -> Self {
        Self::from(Refusal::Internal)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal, AccessOutcome::Rejected)
    }
}

/// What there is to know about one try to get in.
struct Attempt {
    operations: Data<Operations>,
    access: Arc<Access>,
    surface: Surface,
    source: Option<Source>,
    now: Timestamp,
}

async fn admit(surface: Surface, request: &HttpRequest) -> Result<Grant, Denial> {
    let operations = request
        .app_data::<Data<Operations>>()
        .expect("create_app adds the operations")
        .clone();
    let access = operations.access.current();
    let presented = presented_by(request)?.ok_or_else(|| {
        let challenge = Challenge::of(&access, surface);
        Denial::new(
            Refusal::NotAuthenticated { challenge },
            AccessOutcome::NoCredential,
        )
    })?;
    let attempt = Attempt {
        surface,
        source: source_of(request),
        now: operations.now(),
        access,
        operations,
    };
    let grant = attempt.judge(presented).await?;
    authorize(grant, request)
}

/// A browser sends remembered passwords along with what any page makes it send: such a page may not change anything.
fn authorize(grant: Grant, request: &HttpRequest) -> Result<Grant, Denial> {
    let only_looks = matches!(*request.method(), Method::GET | Method::HEAD);
    let refusal = if only_looks {
        None
    } else if grant.role == Role::Read && request.path() != QUESTION {
        Some(Refusal::ReadOnly)
    } else {
        check_same_site(request).err()
    };
    match refusal {
        None => Ok(grant),
        Some(refusal) => Err(Denial {
            refusal,
            outcome: AccessOutcome::Forbidden,
            grant: Some(grant),
        }),
    }
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
        match presented {
            Presented::Password(password) => self.judge_password(password).await,
            Presented::Token(token) => self.judge_token(&token).await,
            Presented::Unusable => Err(self.fail(self.not_authenticated())),
        }
    }

    async fn judge_password(self, password: SecretString) -> Result<Grant, Denial> {
        let passwords = self.access.passwords();
        match passwords.recognise(&password, self.surface, self.now) {
            Some(grant) => Ok(grant),
            None if !self.access.takes_passwords(self.surface) => {
                Err(self.fail(self.not_authenticated()))
            }
            None => web::block(move || self.hash(&password))
                .await
                .unwrap_or_else(|_| Err(Denial::internal())),
        }
    }

    /// Asks for the wait right before the hash, so that failures that happened in the queue count.
    fn hash(&self, password: &SecretString) -> Result<Grant, Denial> {
        if let Some(wait) = self.wait() {
            return Err(Denial::throttled(wait));
        }
        self.access
            .passwords()
            .verify(password, self.surface, self.now)
            .ok_or_else(|| self.fail(self.not_authenticated()))
    }

    async fn judge_token(&self, token: &SecretString) -> Result<Grant, Denial> {
        if let Some(grant) = self.access.recognise_metrics_token(token, self.surface) {
            return Ok(grant);
        }
        let challenge = Challenge::of(&self.access, self.surface).invalid_token();
        if !self.access.takes_tokens(self.surface) {
            return Err(self.fail(Refusal::NotAuthenticated { challenge }));
        }
        let revocations = &self.operations.dependencies.revocations;
        self.access
            .tokens()
            .verify(token, self.surface, (self.now, revocations))
            .await
            .map_err(|refusal| self.deny_token(refusal, challenge))
    }

    fn deny_token(&self, refusal: TokenRefusal, challenge: Challenge) -> Denial {
        let rejected = |code, reason, challenge| Refusal::TokenRejected {
            code,
            reason,
            challenge,
        };
        let (refusal, outcome) = match refusal {
            TokenRefusal::Unavailable => return Denial::from(Refusal::IssuerUnavailable),
            TokenRefusal::NotAdmitted => (
                Refusal::NotAdmitted { challenge },
                AccessOutcome::NotAdmitted,
            ),
            TokenRefusal::Rejected { code, reason } => (
                rejected(code, reason, challenge),
                AccessOutcome::TokenRejected,
            ),
            TokenRefusal::Over { is_revoked, reason } => {
                let outcome = if is_revoked {
                    AccessOutcome::TokenRevoked
                } else {
                    AccessOutcome::TokenExpired
                };
                let code = "gateway:authentication.failed";
                (rejected(code, reason, challenge), outcome)
            }
        };
        let denial = self.fail(refusal);
        if denial.outcome == AccessOutcome::Rejected {
            return Denial { outcome, ..denial };
        }
        denial
    }

    fn not_authenticated(&self) -> Refusal {
        let challenge = Challenge::of(&self.access, self.surface);
        Refusal::NotAuthenticated { challenge }
    }

    /// Counts a failure, unless the source had to wait anyway.
    fn fail(&self, refusal: Refusal) -> Denial {
        let guard = &self.operations.brute_force;
        let wait = self
            .guess()
            .and_then(|guess| guard.record_failure(&guess, self.now));
        wait.map_or_else(|| Denial::from(refusal), Denial::throttled)
    }

    fn wait(&self) -> Option<Duration> {
        self.operations
            .brute_force
            .wait_of(&self.guess()?, self.now)
    }

    fn guess(&self) -> Option<Guess<'static>> {
        Some(Guess {
            source: self.source?.prefix(),
            method: GuardedMethod::Operator,
            identity: Some(USER),
        })
    }
}
