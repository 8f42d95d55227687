//! A connection with deadlines that hyper has not: the first byte, the head, idleness between
//! requests, and a peer that takes nothing. It lies round what carries HTTP, inside of TLS. Several
//! requests at a time, as HTTP/2 has them, are `streams`' to watch.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::observe::{Limit, Metrics};

/// Nothing has come yet.
const FRESH: u8 = 0;
/// Between two requests.
const IDLE: u8 = 1;
/// A head has begun.
const HEAD: u8 = 2;
/// A request is being answered: only its own waits bound it.
const BUSY: u8 = 3;

/// Where a connection is between its requests.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    phase: AtomicU8,
}

impl ConnectionState {
    /// A head is whole: the request is being answered.
    pub(super) fn asked(&self) {
        self.phase.store(BUSY, Ordering::Relaxed);
    }

    /// The answer is out.
    pub(super) fn answered(&self) {
        self.phase.store(IDLE, Ordering::Relaxed);
    }
}

/// How long a peer may take for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    pub(super) first_byte: Duration,
    pub(super) header: Duration,
    pub(super) keep_alive: Duration,
    pub(super) slow_reader: Duration,
}

/// A stream that fails where its peer is slower than the limits allow.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    state: Arc<ConnectionState>,
    deadlines: Deadlines,
    metrics: Metrics,
    reading: Pin<Box<Sleep>>,
    /// The phase `reading` was set for.
    reading_for: u8,
    writing: Pin<Box<Sleep>>,
    /// What the peer holds up.
    blocked: Option<Blocked>,
}

/// What a peer that takes nothing holds up. TLS takes bytes into a buffer of its own, so that its
/// flush waits where its write did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    Write,
    Flush,
}

impl<S> Guarded<S> {
    pub(super) fn new(
        stream: S,
        state: Arc<ConnectionState>,
        deadlines: Deadlines,
        metrics: Metrics,
    ) -> Self {
        Guarded {
            stream,
            state,
            reading: Box::pin(sleep(deadlines.first_byte)),
            reading_for: FRESH,
            writing: Box::pin(sleep(deadlines.slow_reader)),
            blocked: None,
            deadlines,
            metrics,
        }
    }

    fn poll_read_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let phase = self.state.phase.load(Ordering::Relaxed);
        let (limit, allowed) = match phase {
            FRESH => (Some(Limit::FirstByte), self.deadlines.first_byte),
            HEAD => (Some(Limit::Header), self.deadlines.header),
            // Idleness is no fault.
            IDLE => (None, self.deadlines.keep_alive),
            _ => {
                self.reading_for = BUSY;
                return Poll::Pending;
            }
        };
        if self.reading_for != phase {
            self.reading_for = phase;
            self.reading.as_mut().reset(Instant::now() + allowed);
        }
        match self.reading.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                if let Some(limit) = limit {
                    self.metrics.crossed(limit);
                }
                Poll::Ready(io::ErrorKind::TimedOut.into())
            }
        }
    }

    fn poll_written<T>(
        &mut self,
        context: &mut Context<'_>,
        what: Blocked,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            // That nothing is left to flush does not say that more would be taken.
            if what == Blocked::Write || self.blocked == Some(Blocked::Flush) {
                self.blocked = None;
            }
            return written;
        }
        if self.blocked.is_none() {
            self.blocked = Some(what);
            self.writing.as_mut().reset(Instant::now() + self.deadlines.slow_reader);
        }
        match self.writing.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.metrics.crossed(Limit::SlowReader);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                // The first bytes of a request begin its head; BUSY is left alone.
                for before in [FRESH, IDLE] {
                    let _ = this.state.phase.compare_exchange(
                        before,
                        HEAD,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                }
                Poll::Ready(result)
            }
            Poll::Pending => this.poll_read_deadline(context).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.poll_written(context, Blocked::Write, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.poll_written(context, Blocked::Write, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper flushes once an answer is out, but does not read again where it has met an empty
    /// socket meanwhile: idleness is timed from here.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.state.phase.load(Ordering::Relaxed) == IDLE && this.reading_for != IDLE {
            // What it gives is met again by the read that the timer wakes.
            let _ = this.poll_read_deadline(context);
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.poll_written(context, Blocked::Flush, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.poll_written(context, Blocked::Flush, shut)
    }
}
