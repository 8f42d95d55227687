//! Bodies of replies: shared bytes, never copied; whole, or growing while they go out.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use thiserror::Error;

/// A body that ends before its time: its connection is closed, or its stream reset, so that nobody
/// takes what went out for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a segment was not completed")]
pub struct CutOff;

/// What comes of a body that grows.
pub(super) enum Next {
    /// These pieces, and more after them.
    More(Vec<Bytes>, Tail),
    /// These pieces, the last.
    Last(Vec<Bytes>),
    /// Nothing, and the body is not whole.
    CutOff,
}

/// The rest of a body that grows.
pub(super) struct Tail(Pin<Box<dyn Future<Output = Next> + Send>>);

impl Tail {
    pub(super) fn new(next: impl Future<Output = Next> + Send + 'static) -> Self {
        Tail(Box::pin(next))
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tail")
    }
}

/// Bytes laid end to end.
#[derive(Debug, Default)]
pub struct Body {
    pieces: VecDeque<Bytes>,
    left: u64,
    tail: Option<Tail>,
}

impl Body {
    /// A body of these pieces.
    #[must_use]
    pub fn new(pieces: Vec<Bytes>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        let pieces = pieces.into_iter().filter(|p| !p.is_empty()).collect();
        Body { pieces, left, tail: None }
    }

    /// A body of which nothing is there yet.
    pub(super) fn growing(tail: Tail) -> Self {
        Body { tail: Some(tail), ..Body::default() }
    }

    /// Bytes still to come of what is there.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Whether nothing is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0 && self.tail.is_none()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::new(vec![Bytes::from(text)])
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                self.left -= piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let Some(mut tail) = self.tail.take() else { return Poll::Ready(None) };
            let pieces = match tail.0.as_mut().poll(context) {
                Poll::Pending => {
                    self.tail = Some(tail);
                    return Poll::Pending;
                }
                Poll::Ready(Next::More(pieces, tail)) => {
                    self.tail = Some(tail);
                    pieces
                }
                Poll::Ready(Next::Last(pieces)) => pieces,
                Poll::Ready(Next::CutOff) => return Poll::Ready(Some(Err(CutOff))),
            };
            self.pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
            self.left = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.tail.is_some() { SizeHint::default() } else { SizeHint::with_exact(self.left) }
    }
}
