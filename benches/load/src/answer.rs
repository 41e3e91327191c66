//! An answer with a length or without content (RFC 9112 §6.3), which is all that the servers here send.

use anyhow::Context;

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
}

impl Answer {
    /// `None` as long as head or body are incomplete.
    pub(crate) fn read(received: &[u8]) -> anyhow::Result<Option<Self>> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(head_bytes) = head.parse(received)? else {
            return Ok(None);
        };
        let status = head.code.context("an answer without a status")?;
        let length = head
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let body_bytes: usize = match length {
            Some(length) => std::str::from_utf8(length.value)?.parse()?,
            // Without content there is no length.
            None if status == 204 => 0,
            None => anyhow::bail!("an answer without a length"),
        };
        if received.len() < head_bytes + body_bytes {
            return Ok(None);
        }
        anyhow::ensure!(
            received.len() == head_bytes + body_bytes,
            "more than one answer to one request"
        );
        Ok(Some(Self { status }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(received: &str, expected: Option<u16>) {
        let answer = Answer::read(received.as_bytes()).unwrap();
        assert_eq!(answer.map(|answer| answer.status), expected, "{received:?}");
    }

    #[test]
    fn an_answer_is_complete_when_its_length_is_reached() {
        check("HTTP/1.1 200 OK\r\ncontent-le", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nx", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy", Some(200));
        check(
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            Some(401),
        );
        check("HTTP/1.1 204 No Content\r\n\r\n", Some(204));
    }

    #[test]
    fn what_has_no_length_cannot_be_measured() {
        assert!(Answer::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Answer::read(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy").is_err());
    }
}
