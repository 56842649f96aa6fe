//! Bodies on their way out: from memory at once, from a file piece by piece, as the client reads.

use crate::db::{Kept, Spool};
use actix_web::body::SizedStream;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::io;

/// Read from a file at once.
const PIECE: u64 = 64 << 10;

/// The answer with this body.
pub(super) fn send(response: &mut HttpResponseBuilder, body: Kept) -> HttpResponse {
    match body {
        Kept::Bytes(bytes) => response.body(bytes),
        Kept::File(spool) => response.body(SizedStream::new(spool.length, pieces(spool))),
    }
}

/// The answer with a file between two texts.
pub(super) fn send_between(
    response: &mut HttpResponseBuilder,
    head: Bytes,
    spool: Spool,
    tail: Bytes,
) -> HttpResponse {
    let length = head.len() as u64 + spool.length + tail.len() as u64;
    let one = |bytes| stream::iter([Ok(bytes)]);
    let whole = one(head).chain(pieces(spool)).chain(one(tail));
    response.body(SizedStream::new(length, Box::pin(whole)))
}

fn pieces(spool: Spool) -> impl Stream<Item = io::Result<Bytes>> + 'static {
    let whole = stream::try_unfold(0, move |at| {
        let spool = spool.clone();
        async move {
            if at >= spool.length {
                return Ok(None);
            }
            // Not on the thread of the requests: by now it may come from a disk.
            let piece = web::block(move || spool.read(at, PIECE));
            let piece = piece.await.map_err(io::Error::other)??;
            let next = at + piece.len() as u64;
            Ok(Some((piece, next)))
        }
    });
    Box::pin(whole)
}
