//! Bodies of replies: shared bytes, never copied.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Bytes laid end to end.
#[derive(Debug, Default)]
pub struct Body {
    pieces: VecDeque<Bytes>,
    left: u64,
}

impl Body {
    /// A body of these pieces.
    #[must_use]
    pub fn new(pieces: Vec<Bytes>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Body { pieces: pieces.into_iter().filter(|p| !p.is_empty()).collect(), left }
    }

    /// Bytes still to come.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Whether nothing is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::new(vec![Bytes::from(text)])
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.left -= piece.as_ref().map_or(0, |p| p.len() as u64);
        Poll::Ready(piece.map(|p| Ok(Frame::data(p))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
