//! What operators did, for the record.

use std::time::Duration;

use audit::{
    Actor, Event, Method, NotAdmitted, Outcome, Permit, Reason, Request, Response, Source,
};
use devops::{LocalFuture, OperatorAudit, OperatorCall};

use super::Operator;

/// An operator's call waits no longer than this for a place in the record.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(5);

impl OperatorAudit for Operator {
    /// Every call is recorded. Only calls to `/devops` have a permit, and are not carried out without one: whoever looks at
    /// status must be able to see that nothing can be recorded.
    fn record(&self, call: &OperatorCall<'_>, permit: Option<Permit>) {
        match permit {
            Some(permit) => permit.record(event(call)),
            None => self.gateway().auditor.record(event(call)),
        }
    }

    /// As long as the settings allow for, but not for ever: operators must see that it is the disk.
    fn admit(&self) -> LocalFuture<'_, Result<Permit, NotAdmitted>> {
        let auditor = self.gateway().auditor.clone();
        Box::pin(async move {
            let admitted = tokio::time::timeout(ADMISSION_TIMEOUT, auditor.admit_change()).await;
            admitted.unwrap_or(Err(NotAdmitted))
        })
    }
}

fn event(call: &OperatorCall<'_>) -> Event {
    let about = call.about.map(|about| format!(" {about}"));
    let command = format!(
        "{} {}{}",
        call.method,
        call.route,
        about.unwrap_or_default()
    );
    let actor = Actor::unknown(match call.outcome {
        "token_rejected" | "token_expired" | "token_revoked" | "not_admitted" => {
            Method::DevopsOauth2
        }
        _ => method(call.credential),
    });
    let actor = match call.operator {
        Some(operator) => actor.id(operator),
        None => actor,
    };
    let event = match call.outcome {
        "granted" => Event::operator_call(call.at, actor, (&command, outcome(call.status))),
        denied => Event::operator_refused(call.at, actor, (&command, reason(denied))),
    };
    let request = Request::new(call.correlation_id, call.method).to("", call.path, "");
    let event = event.asking(request).answered(Response {
        status: call.status,
        bytes: None,
        duration: call.duration,
    });
    match source(call) {
        Some(source) => event.from(source),
        None => event,
    }
}

/// Of an IPv6 network, its address.
fn source(call: &OperatorCall<'_>) -> Option<Source> {
    let address = call.source.as_deref()?.split('/').next()?.parse().ok()?;
    Some(Source {
        address: Some(address),
        peer: Some(address),
        hops: 0,
    })
}

fn method(credential: &str) -> Method {
    match credential {
        "devops_password" | "status_password" => Method::DevopsBasic,
        "metrics_token" => Method::MetricsToken,
        "token" => Method::DevopsOauth2,
        _ => Method::Anonymous,
    }
}

fn outcome(status: u16) -> Outcome {
    match status {
        0..400 => Outcome::Allow,
        400..500 => Outcome::Deny,
        _ => Outcome::Error,
    }
}

fn reason(outcome: &str) -> Reason {
    match outcome {
        "no_credential" => Reason::NoCredential,
        "throttled" => Reason::RateLimited,
        "forbidden" | "not_admitted" => Reason::NoPermission,
        "token_rejected" => Reason::JwtClaims,
        "token_expired" => Reason::JwtExpired,
        "token_revoked" => Reason::Revoked,
        "not_trusted" => Reason::SourceNotAllowed,
        _ => Reason::BadSecret,
    }
}
