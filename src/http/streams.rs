//! The requests of one connection while they are answered: one at a time on HTTP/1.1, several on
//! HTTP/2, where a peer may keep the connection busy and leave one answer unread.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use super::connection::{ConnectionState, Deadlines};
use crate::observe::Limit;

/// Bytes handed to HTTP/2 at a time: a peer that reads slowly is seen to read.
const PIECE: usize = 64 << 10;

/// What is under way on a connection.
#[derive(Clone, Debug)]
pub(super) enum Requests {
    /// One request at a time, timed by the connection itself.
    One(Arc<ConnectionState>),
    /// Several.
    Several(Arc<Streams>),
}

impl Requests {
    /// A request has come whole.
    pub(super) fn begin(&self) -> Request {
        match self {
            Requests::One(state) => state.asked(),
            Requests::Several(streams) => streams.change(|open| open.requests += 1),
        }
        Request { of: self.clone(), owed: None }
    }
}

/// The requests of an HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Streams {
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    requests: usize,
    /// When the last of them ended, or the connection began.
    idle_since: Instant,
    /// Answers whose next piece the peer has not made room for, and since when.
    owed: BTreeMap<u64, Instant>,
    next: u64,
}

impl Default for Streams {
    fn default() -> Self {
        let (idle_since, owed) = (Instant::now(), BTreeMap::new());
        Streams { open: Mutex::new(Open { requests: 0, idle_since, owed, next: 0 }) }
    }
}

impl Streams {
    fn change<T>(&self, change: impl FnOnce(&mut Open) -> T) -> T {
        change(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the connection has been idle for too long, which is no fault, or until the peer
    /// has left an answer unread for too long.
    pub(super) async fn overdue(&self, deadlines: Deadlines) -> Option<Limit> {
        loop {
            let now = Instant::now();
            // What has happened meanwhile is seen no later than this.
            let again = now + deadlines.slow_reader.min(deadlines.keep_alive);
            let (until, limit) = self.change(|open| match open.owed.values().min() {
                Some(since) => (*since + deadlines.slow_reader, Some(Limit::SlowReader)),
                None if open.requests > 0 => (again, None),
                None => (open.idle_since + deadlines.keep_alive, None),
            });
            if until <= now {
                return limit;
            }
            sleep_until(until.min(again)).await;
        }
    }
}

/// A request that is being answered, to the last byte of its answer.
#[derive(Debug)]
pub(super) struct Request {
    of: Requests,
    /// The name under which the answer stands among those the peer has not read.
    owed: Option<u64>,
}

impl Request {
    fn several(&self) -> bool {
        matches!(self.of, Requests::Several(_))
    }

    /// A piece was handed on: that the next is asked for is the peer's to bring about.
    fn handed_on(&mut self) {
        let Requests::Several(streams) = &self.of else { return };
        let owed = &mut self.owed;
        streams.change(|open| {
            let id = *owed.get_or_insert_with(|| {
                open.next += 1;
                open.next
            });
            open.owed.insert(id, Instant::now());
        });
    }

    /// What comes next is ours to bring about.
    fn asked_for(&self) {
        if let (Requests::Several(streams), Some(id)) = (&self.of, self.owed) {
            streams.change(|open| open.owed.remove(&id));
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.asked_for();
        match &self.of {
            Requests::One(state) => state.answered(),
            Requests::Several(streams) => streams.change(|open| {
                open.requests -= 1;
                open.idle_since = Instant::now();
            }),
        }
    }
}

/// An answer's body; the request ends when it is dropped.
#[derive(Debug)]
pub(super) struct Answer<B> {
    body: B,
    /// What of the body's last piece has not been handed on.
    rest: Bytes,
    request: Request,
}

impl<B> Answer<B> {
    pub(super) fn new(body: B, request: Request) -> Self {
        Answer { body, rest: Bytes::new(), request }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if !this.request.several() {
            return Pin::new(&mut this.body).poll_frame(context);
        }
        this.request.asked_for();
        if this.rest.is_empty() {
            let frame = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other => return other,
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        this.request.handed_on();
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let hint = self.body.size_hint();
        match hint.upper() {
            Some(upper) if upper == hint.lower() => SizeHint::with_exact(upper + rest),
            _ => {
                let mut sum = SizeHint::new();
                sum.set_lower(hint.lower() + rest);
                sum
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, Full};

    use super::*;

    fn deadlines() -> Deadlines {
        Deadlines {
            first_byte: Duration::from_secs(1),
            header: Duration::from_secs(1),
            keep_alive: Duration::from_secs(75),
            slow_reader: Duration::from_secs(30),
        }
    }

    fn several() -> (Arc<Streams>, Requests) {
        let streams = Arc::new(Streams::default());
        (Arc::clone(&streams), Requests::Several(streams))
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_the_end_of_the_last_of_several_answers() {
        let (streams, requests) = several();
        let began = Instant::now();
        let (first, second) = (requests.begin(), requests.begin());
        drop(first);
        let late = async {
            tokio::time::sleep(Duration::from_mins(10)).await;
            drop(second);
        };
        let (overdue, ()) = tokio::join!(streams.overdue(deadlines()), late);
        assert_eq!(overdue, None);
        let seconds = began.elapsed().as_secs();
        assert!((600 + 75..600 + 106).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_left_unread_is_overdue_while_others_are_read() {
        let (streams, requests) = several();
        let bytes = Bytes::from(vec![7; 10 * PIECE]);
        let mut unread = Answer::new(Full::new(bytes.clone()), requests.begin());
        let mut read = Answer::new(Full::new(bytes), requests.begin());
        assert!(unread.frame().await.is_some());
        let began = Instant::now();
        let reads = async {
            while let Some(frame) = read.frame().await {
                assert_eq!(frame.expect("never fails").into_data().expect("data").len(), PIECE);
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        };
        let (overdue, ()) = tokio::join!(streams.overdue(deadlines()), reads);
        assert_eq!(overdue, Some(Limit::SlowReader));
        assert_eq!(began.elapsed().as_secs(), 30);
        drop(unread);
    }

    #[tokio::test]
    async fn an_answer_is_the_same_bytes_in_pieces_and_says_its_length() {
        let bytes = Bytes::from((0..200_000_u32).map(|n| n as u8).collect::<Vec<_>>());
        let (_, requests) = several();
        let mut answer = Answer::new(Full::new(bytes.clone()), requests.begin());
        assert_eq!(answer.size_hint().exact(), Some(200_000));
        answer.frame().await.expect("a piece").expect("never fails");
        assert_eq!(answer.size_hint().exact(), Some(200_000 - PIECE as u64));
        let rest = answer.collect().await.expect("never fails").to_bytes();
        assert_eq!(rest, bytes[PIECE..]);
    }
}
