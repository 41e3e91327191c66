//! Open streams, for operators.

use ::policies::SessionId;
use devops::SessionControl;
use serde_json::{Map, Value, json};

use super::Operator;
use crate::streaming::{CutReason, SessionInfo};

impl SessionControl for Operator {
    fn list(&self) -> Vec<Map<String, Value>> {
        let mut sessions = self.gateway().hub.sessions().list();
        sessions.sort_by_key(|session| session.opened_at);
        sessions.iter().map(shown).collect()
    }

    fn inspect(&self, id: &str) -> Option<Map<String, Value>> {
        let session = self.gateway().hub.sessions().inspect(id_of(id)?)?;
        let credential = session.principal.credential();
        let mut shown = shown(&session);
        for (name, value) in [
            ("issuer", &credential.issuer),
            ("tokenId", &credential.token_id),
            ("keyId", &credential.key_id),
            ("name", &credential.name),
        ] {
            if let Some(value) = value {
                shown.insert(name.to_owned(), json!(value));
            }
        }
        Some(shown)
    }

    fn cut(&self, id: &str, reason: &str) -> bool {
        let reason = CutReason::Operator(Some(reason.to_owned()));
        id_of(id).is_some_and(|id| self.gateway().hub.sessions().cut(id, &reason))
    }

    fn cut_subject(&self, subject: &str, reason: &str) -> usize {
        let is_meant = |principal: &::policies::Principal| {
            let mut subjects = principal.subjects().iter();
            subjects.any(|own| own.as_str() == subject)
        };
        let reason = CutReason::Operator(Some(reason.to_owned()));
        self.gateway().hub.sessions().cut_where(&is_meant, &reason)
    }
}

fn id_of(text: &str) -> Option<SessionId> {
    text.parse::<uuid::Uuid>()
        .ok()
        .map(|id| SessionId(id.as_u128()))
}

fn shown(session: &SessionInfo) -> Map<String, Value> {
    let subjects = session.principal.subjects().iter();
    let shown = json!({
        "id": uuid::Uuid::from_u128(session.id.0).to_string(),
        "kind": session.kind.as_str(),
        "subjects": subjects.map(ToString::to_string).collect::<Vec<_>>(),
        "provider": session.principal.provider().as_str(),
        "source": session.source,
        "openedAt": session.opened_at,
        "expiresAt": session.expires_at,
        "subscriptions": session.subscriptions,
        "received": session.received,
        "delivered": session.delivered,
        "lost": session.lost,
    });
    shown.as_object().cloned().unwrap_or_default()
}
