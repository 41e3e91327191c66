//! A reader of server-sent events (HTML Living Standard, "Server-sent events").

use crate::process::deadline;

/// One event: its fields as sent, data lines joined by line feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerSentEvent {
    /// The `event` field; empty means `message`.
    pub name: String,
    /// The `id` field.
    pub id: String,
    /// The `data` field.
    pub data: String,
}

/// An open stream of events.
#[derive(Debug)]
pub struct EventStream {
    response: reqwest::Response,
    buffer: String,
    last_event_id: String,
}

/// What stands between two empty lines.
struct Block {
    event: ServerSentEvent,
    last_id: Option<String>,
    is_dispatched: bool,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            buffer: String::new(),
            last_event_id: String::new(),
        }
    }

    /// Where to resume: the id seen last, also one without an event.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Waits for the next block, whether or not it is an event; false at the end of the stream.
    pub async fn block(&mut self) -> bool {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let block = parse(block);
                self.buffer = rest.to_owned();
                if let Some(id) = block.last_id {
                    self.last_event_id = id;
                }
                return true;
            }
            if !self.receive().await {
                return false;
            }
        }
    }

    async fn receive(&mut self) -> bool {
        match deadline("an event", self.response.chunk()).await {
            Ok(Some(chunk)) => {
                self.buffer
                    .push_str(&String::from_utf8_lossy(&chunk).replace('\r', ""));
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// The next event that carries data or a name; `None` once the stream has ended. Comments are skipped.
    pub async fn next(&mut self) -> Option<ServerSentEvent> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(block);
                self.buffer = rest.to_owned();
                if let Some(id) = &event.last_id {
                    self.last_event_id.clone_from(id);
                }
                // A block without data is none, but its id counts.
                if event.is_dispatched {
                    return Some(event.event);
                }
            }
            if !self.receive().await {
                return None;
            }
        }
    }
}

fn parse(block: &str) -> Block {
    let mut last_id = None;
    let mut event = ServerSentEvent::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data.push(value),
            "event" => value.clone_into(&mut event.name),
            "id" => last_id = Some(value.to_owned()),
            _ => {}
        }
    }
    let is_dispatched = !data.is_empty() || !event.name.is_empty();
    event.data = data.join("\n");
    event.id = last_id.clone().unwrap_or_default();
    Block {
        event,
        last_id,
        is_dispatched,
    }
}
