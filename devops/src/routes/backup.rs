//! A copy of the store, made while it is in use.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::thread;

use actix_web::http::header;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{FutureExt, stream};
use tokio::sync::mpsc::{Sender, channel};
use tracing::{error, warn};

use super::only;
use crate::app::Operations;
use crate::dependencies::BackupSource;
use crate::error::Refusal;
use crate::logging::{correlated, current_correlation_id};
use crate::middleware::operator_of;

/// Handed to the connection at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for a slow client; then the copying waits.
const PIECES_MAX: usize = 8;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(only(
        "POST",
        web::resource("/backup").route(web::post().to(create)),
    ));
}

/// `POST /devops/backup`: everything that the store holds now, for `twinward restore`; it breaks off if the store fails.
async fn create(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    warn!(operator = %operator_of(&request), "An operator makes a copy of the store");
    let (sender, pieces) = channel(PIECES_MAX);
    let source = Arc::clone(&operations.dependencies.backup);
    let correlation_id = current_correlation_id();
    thread::Builder::new()
        .name("backup".to_owned())
        .spawn(move || {
            // What the store logs on the way is about this request, too.
            let work = correlated(correlation_id, async move { copy(&*source, sender) });
            work.now_or_never()
        })
        .map_err(|_| Refusal::Internal)?;
    let body = stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"twinward.backup\"",
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(body))
}

fn copy(source: &dyn BackupSource, sender: Sender<io::Result<Bytes>>) {
    let mut out = BufWriter::with_capacity(PIECE_BYTES, Pieces(&sender));
    let copied = source.back_up(&mut out).and_then(|()| out.flush());
    if let Err(failure) = copied {
        error!(error = %failure, "Copying the store failed");
        // The client sees the connection break off instead of an end.
        let _ = sender.blocking_send(Err(failure));
    }
}

/// Cuts what is written into pieces of the answer.
struct Pieces<'a>(&'a Sender<io::Result<Bytes>>);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
