//! One connection, sans-IO: bytes in; answers, and what is published, out. It knows the commands that
//! publishing needs (RTMP 1.0 §7; what encoders send beside it; Enhanced RTMP v2) and no channel: who
//! owns the socket decides whether a publish is taken.
//!
//! **After each [`Session::advance`] drain [`Session::poll_event`], and send what
//! [`Session::take_output`] gives.**

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::aggregate::{self, Tag};
use super::amf::{AmfFault, Value, read_all};
use super::chunk::{ChunkLimits, ChunkReader, Message, write_chunks};
use super::command::{self, Command, Status};
use super::fault::ConnectionFault;
use super::handshake::Handshake;

/// Chunk streams of one connection; encoders use four to eight.
const STREAMS_MAX: usize = 64;
/// Longest message while nothing is published: commands and metadata.
const COMMAND_BYTES: usize = 64 << 10;
/// NetStreams of one connection.
const NET_STREAMS_MAX: u32 = 16;
/// What we and our peer may send unacknowledged (§5.4.4).
const WINDOW: u32 = 2_500_000;
/// The least window that is acknowledged to the letter.
const WINDOW_MIN: u32 = 64 << 10;

/// Message types (§5.4, §6.2, §7.1).
mod kind {
    pub(super) const ACKNOWLEDGEMENT: u8 = 3;
    pub(super) const USER_CONTROL: u8 = 4;
    pub(super) const WINDOW_SIZE: u8 = 5;
    pub(super) const PEER_BANDWIDTH: u8 = 6;
    pub(super) const AUDIO: u8 = 8;
    pub(super) const VIDEO: u8 = 9;
    pub(super) const DATA_AMF3: u8 = 15;
    pub(super) const COMMAND_AMF3: u8 = 17;
    pub(super) const DATA: u8 = 18;
    pub(super) const COMMAND: u8 = 20;
    pub(super) const AGGREGATE: u8 = 22;
}

/// User Control events (§7.1.7).
const STREAM_BEGIN: u16 = 0;
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;

/// What a connection brings.
#[derive(Debug)]
pub(super) enum Event {
    /// It wants to publish; [`Session::accept`] or [`Session::refuse`] answers.
    Publish {
        /// The host of `connect`'s tcUrl, without its port.
        host: Option<String>,
        /// The application of `connect`, its query included.
        app: String,
        /// The name of the stream, its query included.
        name: String,
    },
    /// Audio or video of what is published.
    Media(Media),
    /// `onMetaData`.
    Metadata(Result<Value, AmfFault>),
    /// It publishes no more.
    Unpublish,
}

/// An audio or video message.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) kind: MediaKind,
    /// Milliseconds modulo 2^32.
    pub(super) timestamp: u32,
    /// The body of an FLV tag.
    pub(super) body: Bytes,
}

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaKind {
    Audio,
    Video,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Publishing {
    No,
    /// It has asked on this message stream.
    Asked(u32),
    Yes(u32),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    handshake: Handshake,
    input: BytesMut,
    chunks: ChunkReader,
    /// Longest message of what is published.
    media_bytes: usize,
    output: BytesMut,
    events: VecDeque<Event>,
    app: Option<String>,
    host: Option<String>,
    net_streams: u32,
    publishing: Publishing,
    /// Bytes received, modulo 2^32, and as of the newest acknowledgement.
    received: u32,
    acknowledged: u32,
    window: u32,
}

impl Session {
    /// A connection whose messages have `media_bytes` at most.
    pub(super) fn new(media_bytes: usize) -> Self {
        let limits = ChunkLimits {
            message_bytes: COMMAND_BYTES,
            held_bytes: 2 * COMMAND_BYTES,
            streams: STREAMS_MAX,
        };
        Session {
            handshake: Handshake::default(),
            input: BytesMut::new(),
            chunks: ChunkReader::new(limits),
            media_bytes,
            output: BytesMut::new(),
            events: VecDeque::new(),
            app: None,
            host: None,
            net_streams: 0,
            publishing: Publishing::No,
            received: 0,
            acknowledged: 0,
            window: WINDOW,
        }
    }

    /// Where bytes that come are put, before [`Session::advance`] with their count.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// What must be sent.
    pub(super) fn take_output(&mut self) -> Bytes {
        self.output.split().freeze()
    }

    /// The next event, oldest first.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Bytes held of messages that are not whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.input.len() + self.chunks.held_bytes()
    }

    /// Reads on, `count` bytes having come; also once a publish has been answered.
    ///
    /// # Errors
    /// Why the connection is of no use any more.
    pub(super) fn advance(&mut self, count: usize) -> Result<(), ConnectionFault> {
        self.received = self.received.wrapping_add(count as u32);
        while self.handshake != Handshake::Done {
            let (before, answer) = (self.handshake, self.handshake.advance(&mut self.input)?);
            self.output.extend_from_slice(&answer.unwrap_or_default());
            if self.handshake == before {
                return Ok(());
            }
        }
        // What comes behind `publish` is read once that has been answered.
        while !matches!(self.publishing, Publishing::Asked(_)) {
            let Some(message) = self.chunks.next(&mut self.input)? else { break };
            self.message(message)?;
        }
        if self.received.wrapping_sub(self.acknowledged) >= self.window {
            self.acknowledged = self.received;
            self.control(kind::ACKNOWLEDGEMENT, &self.received.to_be_bytes());
        }
        Ok(())
    }

    /// What wanted to publish does.
    pub(super) fn accept(&mut self) {
        self.accept_saying("publishing");
    }

    /// The same with a word for the encoder.
    pub(super) fn accept_saying(&mut self, what: &str) {
        let Publishing::Asked(stream) = self.publishing else { return };
        self.publishing = Publishing::Yes(stream);
        // One large picture, and what else is interleaved with it.
        self.chunks.set_message_bytes(self.media_bytes, self.media_bytes + (1 << 20));
        let info = Status::PublishStart.info(what);
        self.send(stream, &command::call("onFCPublish", 0.0, [Value::Null, info.clone()]));
        self.send(stream, &command::call("onStatus", 0.0, [Value::Null, info]));
    }

    /// What wanted to publish may not, and is told why.
    pub(super) fn refuse(&mut self, status: Status, why: &str) {
        let (Publishing::Asked(stream) | Publishing::Yes(stream)) = self.publishing else { return };
        self.publishing = Publishing::No;
        self.status(stream, status, why);
    }

    fn message(&mut self, message: Message) -> Result<(), ConnectionFault> {
        let Message { kind, stream, timestamp, mut payload } = message;
        match kind {
            kind::AUDIO => self.media(MediaKind::Audio, timestamp, payload),
            kind::VIDEO => self.media(MediaKind::Video, timestamp, payload),
            kind::AGGREGATE => self.aggregate(timestamp, payload)?,
            kind::COMMAND_AMF3 | kind::DATA_AMF3 => {
                // AMF3 messages hold AMF0 behind a byte that says so.
                if payload.try_get_u8() != Ok(0) {
                    return Err(ConnectionFault::Message { kind });
                }
                let kind = if kind == kind::DATA_AMF3 { kind::DATA } else { kind::COMMAND };
                self.message(Message { kind, stream, timestamp, payload })?;
            }
            kind::DATA => self.data(&payload),
            kind::COMMAND => self.command(stream, &Command::read(&payload)?),
            kind::USER_CONTROL => {
                let event = payload.try_get_u16().map_err(|_| ConnectionFault::Message { kind })?;
                if event == PING_REQUEST {
                    let stamp = payload.try_get_u32().unwrap_or(0).to_be_bytes();
                    let body = [&PING_RESPONSE.to_be_bytes()[..], &stamp].concat();
                    self.control(kind::USER_CONTROL, &body);
                }
            }
            kind::WINDOW_SIZE => {
                let window = payload.try_get_u32();
                let window = window.map_err(|_| ConnectionFault::Message { kind })?;
                self.window = window.clamp(WINDOW_MIN, i32::MAX as u32);
            }
            // Acknowledgements and bandwidths of one who takes next to nothing; shared objects.
            _ => {}
        }
        Ok(())
    }

    fn media(&mut self, kind: MediaKind, timestamp: u32, body: Bytes) {
        if self.publishing != Publishing::No {
            self.events.push_back(Event::Media(Media { kind, timestamp, body }));
        }
    }

    fn aggregate(&mut self, timestamp: u32, payload: Bytes) -> Result<(), ConnectionFault> {
        let broken = ConnectionFault::Message { kind: kind::AGGREGATE };
        for Tag { kind, at, body } in aggregate::tags(timestamp, payload).ok_or(broken)? {
            match kind {
                kind::AUDIO => self.media(MediaKind::Audio, at, body),
                kind::VIDEO => self.media(MediaKind::Video, at, body),
                kind::DATA => self.data(&body),
                _ => {}
            }
        }
        Ok(())
    }

    /// `@setDataFrame` and `onMetaData`; other data messages mean nothing here.
    fn data(&mut self, payload: &[u8]) {
        if self.publishing == Publishing::No {
            return;
        }
        match read_all(payload) {
            Ok(values) => {
                let named = |value: &Value, name| value.as_text() == Some(name);
                let mut values = values.into_iter().skip_while(|v| named(v, "@setDataFrame"));
                if values.next().is_some_and(|value| named(&value, "onMetaData")) {
                    let value = values.next().unwrap_or(Value::Null);
                    self.events.push_back(Event::Metadata(Ok(value)));
                }
            }
            Err(fault) => self.events.push_back(Event::Metadata(Err(fault))),
        }
    }

    fn command(&mut self, stream: u32, command: &Command) {
        let id = command.transaction;
        match command.name.as_str() {
            "connect" if self.app.is_some() => {
                self.error(id, Status::ConnectRejected, "the connection is connected already");
            }
            "connect" => self.connect(command),
            _ if self.app.is_none() => {
                let why = "connect comes before every other command";
                self.error(id, Status::ConnectRejected, why);
            }
            "createStream" => {
                if self.net_streams < NET_STREAMS_MAX {
                    self.net_streams += 1;
                    let number = Value::Number(f64::from(self.net_streams));
                    self.send(0, &command::call("_result", id, [Value::Null, number]));
                } else {
                    let why = format!("a connection has {NET_STREAMS_MAX} streams at most");
                    self.error(id, Status::CallFailed, &why);
                }
            }
            "publish" => self.publish(stream, command),
            "FCUnpublish" | "deleteStream" | "closeStream" => {
                // A number that is no stream's id is none of ours.
                let of = command.argument(0).and_then(Value::as_number);
                let other = |open: u32| {
                    command.name == "deleteStream"
                        && of.is_some_and(|of| (of - f64::from(open)).abs() > 0.5)
                };
                if let Publishing::Asked(open) | Publishing::Yes(open) = self.publishing
                    && !other(open)
                {
                    self.publishing = Publishing::No;
                    self.events.push_back(Event::Unpublish);
                    self.status(open, Status::UnpublishSuccess, "published no more");
                }
                if command.name == "FCUnpublish" && id > 0.0 {
                    self.send(0, &command::call("_result", id, [Value::Null, Value::Undefined]));
                }
            }
            "releaseStream" | "FCPublish" => {
                self.send(0, &command::call("_result", id, [Value::Null, Value::Undefined]));
            }
            "play" | "play2" => {
                let why =
                    "this listener only takes what is published; play by HLS or DASH over HTTP";
                self.status(stream, Status::PlayFailed, why);
            }
            "_result" | "_error" | "onStatus" => {}
            name => {
                if id > 0.0 {
                    self.error(id, Status::CallFailed, &format!("{name} is not known here"));
                }
            }
        }
    }

    fn connect(&mut self, command: &Command) {
        let app = command.object.get("app").and_then(Value::as_text).unwrap_or_default();
        self.app = Some(app.to_owned());
        let url = command.object.get("tcUrl").and_then(Value::as_text).unwrap_or_default();
        self.host = url::Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
        self.control(kind::WINDOW_SIZE, &WINDOW.to_be_bytes());
        // Dynamic: the limit that was last in force, or this.
        self.control(kind::PEER_BANDWIDTH, &[&WINDOW.to_be_bytes()[..], &[2]].concat());
        self.control(kind::USER_CONTROL, &[&STREAM_BEGIN.to_be_bytes()[..], &[0; 4]].concat());
        let answer = command::connected(command);
        self.send(0, &answer);
    }

    fn publish(&mut self, stream: u32, command: &Command) {
        let Some(name) = command.argument(0).and_then(Value::as_text) else {
            return self.status(stream, Status::PublishBadName, "publish names no stream");
        };
        if self.publishing != Publishing::No {
            let why = "the connection publishes already; open another for another rung";
            return self.status(stream, Status::PublishBadName, why);
        }
        self.publishing = Publishing::Asked(stream);
        let (app, host) = (self.app.clone().unwrap_or_default(), self.host.clone());
        self.events.push_back(Event::Publish { host, app, name: name.to_owned() });
    }

    fn error(&mut self, id: f64, status: Status, why: &str) {
        self.send(0, &command::call("_error", id, [Value::Null, status.info(why)]));
    }

    fn status(&mut self, stream: u32, status: Status, why: &str) {
        let body = command::call("onStatus", 0.0, [Value::Null, status.info(why)]);
        self.send(stream, &body);
    }

    /// Sends a command.
    fn send(&mut self, stream: u32, payload: &Bytes) {
        let (kind, payload) = (kind::COMMAND, payload.clone());
        let message = Message { kind, stream, timestamp: 0, payload };
        write_chunks(&mut self.output, 3, &message);
    }

    /// Sends a protocol control message (§5.4).
    fn control(&mut self, kind: u8, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        write_chunks(&mut self.output, 2, &Message { kind, stream: 0, timestamp: 0, payload });
    }
}

#[cfg(test)]
mod tests;
