//! An RTMP encoder by hand, so that what goes over the wire is what a test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use headwater::media::{Codec, MediaKind, VariantName};
use headwater::mpegts::{Demuxer, DemuxerLimits, Event};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::PATIENCE;

/// AMF0: a text, a number, nothing, an object of texts.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [&[2][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

fn number(number: f64) -> Vec<u8> {
    [&[0][..], &number.to_be_bytes()].concat()
}

pub(crate) const NULL: &[u8] = &[5];

pub(crate) fn object(properties: &[(&str, &str)]) -> Vec<u8> {
    let property = |(name, value): &(&str, &str)| [&text(name)[1..], &text(value)].concat();
    [&[3][..], &properties.iter().flat_map(property).collect::<Vec<_>>(), &[0, 0, 9]].concat()
}

/// A message as chunks of `size`, all of them behind one another.
pub(crate) fn chunks(
    stream: u8,
    size: usize,
    kind: u8,
    timestamp: u32,
    body: &[u8],
) -> Vec<Vec<u8>> {
    let mut head = vec![stream];
    head.extend(&timestamp.min(0xff_ffff).to_be_bytes()[1..]);
    head.extend(&(body.len() as u32).to_be_bytes()[1..]);
    head.extend([kind, 1, 0, 0, 0]);
    let extended =
        if timestamp < 0xff_ffff { Vec::new() } else { timestamp.to_be_bytes().to_vec() };
    head.extend(&extended);
    let pieces = body.chunks(size).enumerate();
    let again = [&[0xc0 | stream][..], &extended].concat();
    pieces.map(|(n, piece)| [if n == 0 { &head } else { &again }, piece].concat()).collect()
}

/// An encoder's connection.
pub(crate) struct Encoder<S> {
    pub(crate) stream: S,
    /// What the server has said and has not been asked about.
    pub(crate) said: String,
    /// Bytes written since it publishes.
    pub(crate) sent: i64,
}

impl Encoder<TcpStream> {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).await.expect("it listens")).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Encoder<S> {
    /// Shakes hands.
    pub(crate) async fn over(mut stream: S) -> Self {
        let hello = [&[3][..], &[9; 1536]].concat();
        stream.write_all(&hello).await.expect("it reads");
        let mut answer = vec![0; 1 + 2 * 1536];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("in time").expect("whole");
        assert_eq!((answer[0], &answer[1 + 1536..]), (3, &hello[1..]));
        stream.write_all(&answer[1..=1536]).await.expect("it reads");
        Encoder { stream, said: String::new(), sent: 0 }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
        self.sent += i64::try_from(bytes.len()).expect("small");
    }

    pub(crate) async fn send(&mut self, stream: u8, kind: u8, timestamp: u32, body: &[u8]) {
        self.write(&chunks(stream, 128, kind, timestamp, body).concat()).await;
    }

    pub(crate) async fn call(&mut self, name: &str, id: f64, values: &[&[u8]]) {
        self.send(3, 20, 0, &[&text(name)[..], &number(id), &values.concat()].concat()).await;
    }

    /// Reads until the server says so; gives what it says in that message.
    pub(crate) async fn until(&mut self, said: &str) -> String {
        let mut bytes = Vec::new();
        loop {
            for message in whole_messages(&mut bytes) {
                self.said = message;
                if self.said.contains(said) {
                    return std::mem::take(&mut self.said);
                }
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut bytes)).await.expect("in time");
            let end = !matches!(read, Ok(1..));
            assert!(!end, "it ended before it said {said}; last: {}", self.said);
        }
    }

    /// Connects and asks to publish; gives the code and the reason.
    pub(crate) async fn publish(&mut self, app: &str, name: &str) -> String {
        self.publish_as(&[("app", app)], name).await
    }

    /// The same with more that `connect` says.
    pub(crate) async fn publish_as(&mut self, connect: &[(&str, &str)], name: &str) -> String {
        self.call("connect", 1.0, &[&object(connect)]).await;
        self.until("NetConnection.Connect.Success").await;
        self.call("createStream", 2.0, &[NULL]).await;
        self.until("_result").await;
        self.call("publish", 3.0, &[NULL, &text(name), &text("live")]).await;
        self.until("onStatus").await
    }

    /// Whether the server closes the connection.
    pub(crate) async fn closed(&mut self) {
        let mut rest = Vec::new();
        let read = async { while let Ok(1..) = self.stream.read_buf(&mut rest).await {} };
        timeout(PATIENCE, read).await.expect("an end in time");
    }

    pub(crate) async fn tags(&mut self, tags: &[Tag]) {
        for tag in tags {
            let (stream, kind) = if tag.kind == MediaKind::Video { (6, 9) } else { (4, 8) };
            self.send(stream, kind, tag.at, &tag.body).await;
        }
    }
}

/// Takes messages of 128-byte chunks off the front, each as text.
fn whole_messages(bytes: &mut Vec<u8>) -> Vec<String> {
    let mut out = Vec::new();
    while bytes.len() >= 12 {
        let length = u32::from_be_bytes([0, bytes[4], bytes[5], bytes[6]]) as usize;
        let whole = 12 + length + length.saturating_sub(1) / 128;
        if bytes.len() < whole {
            break;
        }
        let body: Vec<u8> =
            bytes[12..whole].chunks(129).flat_map(|c| &c[..c.len().min(128)]).copied().collect();
        out.push(String::from_utf8_lossy(&body).into_owned());
        bytes.drain(..whole);
    }
    out
}

/// An FLV tag: milliseconds and body.
#[derive(Clone)]
pub(crate) struct Tag {
    pub(crate) kind: MediaKind,
    pub(crate) at: u32,
    pub(crate) body: Vec<u8>,
}

fn avc_record(codec: &Codec) -> Option<Vec<u8>> {
    let Codec::Avc(avc) = codec else { return None };
    let sized = |set: &[u8]| [&(set.len() as u16).to_be_bytes()[..], set].concat();
    let mut out = vec![1, avc.sps[1], avc.sps[2], avc.sps[3], 0xff, 0xe1];
    out.extend(sized(&avc.sps));
    out.push(avc.pps.len() as u8);
    for pps in &avc.pps {
        out.extend(sized(pps));
    }
    Some(out)
}

/// The head of a tag, of a sequence header or of a frame that is shown so many milliseconds later.
fn head(codec: &Codec, settings: bool, sync: bool, offset: i64) -> Vec<u8> {
    let kind = u8::from(!settings);
    let offset = &(offset as i32).to_be_bytes()[1..];
    match codec {
        Codec::Avc(_) => [&[if sync { 0x17 } else { 0x27 }, kind][..], offset].concat(),
        Codec::Hevc(_) => {
            let offset = if settings { &[][..] } else { offset };
            [&[if sync { 0x90 } else { 0xa0 } | kind][..], b"hvc1", offset].concat()
        }
        Codec::Aac(_) => vec![0xaf, kind],
        Codec::Ac3(ac3) => {
            [&[0x90 | kind][..], if ac3.enhanced { b"ec-3" } else { b"ac-3" }].concat()
        }
        Codec::MpegAudio(_) => vec![0x2f],
        other => panic!("{other:?}"),
    }
}

/// What an encoder makes of a transport stream: tags in order, the first at `begins` ms.
pub(crate) fn tags(ts: &[u8], begins: u32, carried: impl Fn(&Codec) -> bool) -> Vec<Tag> {
    let mut demuxer = Demuxer::new(VariantName::default(), DemuxerLimits::default());
    demuxer.push(ts);
    demuxer.end_of_body();
    let (mut codecs, mut first, mut out) = (BTreeMap::new(), None, Vec::new());
    while let Some(event) = demuxer.poll_event() {
        match event {
            Event::Track(info) if carried(&info.codec) => {
                let record = match &info.codec {
                    Codec::Hevc(hevc) => Some(hevc.record().to_vec()),
                    Codec::Aac(aac) => Some(aac.asc.to_vec()),
                    other => avc_record(other),
                };
                let body = record.map(|record| [head(&info.codec, true, true, 0), record].concat());
                let kind = info.kind();
                out.extend(body.map(|body| (i64::MIN, Tag { kind, at: begins, body })));
                codecs.insert(info.id, info.codec);
            }
            Event::Sample(id, sample) => {
                let Some(codec) = codecs.get(&id) else { continue };
                let first = *first.get_or_insert(sample.dts);
                let ms = |ticks: i64| (ticks - first).div_euclid(90);
                let offset = ms(sample.pts) - ms(sample.dts);
                let body = [&head(codec, false, sample.sync, offset)[..], &sample.data].concat();
                let at = begins.wrapping_add(ms(sample.dts).max(0).cast_unsigned() as u32);
                out.push((ms(sample.dts), Tag { kind: codec.kind(), at, body }));
            }
            _ => {}
        }
    }
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(_, tag)| tag).collect()
}
