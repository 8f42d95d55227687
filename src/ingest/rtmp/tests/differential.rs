//! The same bytes read by the crate rtmp-rs, as far as it follows what they mean: it skips ModEx and
//! reads the heads of several tracks in another order than Enhanced RTMP v2.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rtmp_rs::amf::{self, AmfValue};
use rtmp_rs::media::{AacData, EnhancedAudioData, EnhancedVideoData, H264Data};
use rtmp_rs::protocol::chunk::RtmpChunk;
use rtmp_rs::protocol::{ChunkDecoder, ChunkEncoder};

use super::super::amf::{Value, read_all};
use super::super::chunk::{ChunkLimits, ChunkReader, Message};
use super::super::tag::{self, Content, Part};

const LIMITS: ChunkLimits =
    ChunkLimits { message_bytes: 1 << 16, held_bytes: 1 << 20, streams: 1_000 };

/// Type, message stream, timestamp and payload.
type Read = (u8, u32, u32, Vec<u8>);

fn ours(bytes: &[u8], piece: usize) -> Vec<Read> {
    let mut reader = ChunkReader::new(LIMITS);
    let (mut input, mut out) = (BytesMut::new(), Vec::new());
    for bytes in bytes.chunks(piece) {
        input.extend_from_slice(bytes);
        while let Some(m) = reader.next(&mut input).expect("well made") {
            out.push((m.kind, m.stream, m.timestamp, m.payload.to_vec()));
        }
    }
    out
}

fn theirs(bytes: &[u8]) -> Vec<Read> {
    let (mut decoder, mut input, mut out) =
        (ChunkDecoder::new(), BytesMut::from(bytes), Vec::new());
    loop {
        let before = input.len();
        match decoder.decode(&mut input).expect("well made") {
            Some(c) => out.push((c.message_type, c.stream_id, c.timestamp, c.payload.to_vec())),
            // Nothing may be a chunk that ends no message.
            None if input.len() == before => return out,
            None => {}
        }
    }
}

/// Chunk streams, each with a message: type, step in time, payload.
fn messages() -> impl Strategy<Value = Vec<(u32, u8, u32, Vec<u8>)>> {
    let stream = prop_oneof![2_u32..8, 60_u32..70, 300_u32..400];
    let payload = prop::collection::vec(any::<u8>(), 1..600);
    prop::collection::vec((stream, 8_u8..10, 0_u32..100, payload), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_that_rtmp_rs_writes_are_read_as_it_reads_them(all in messages(), piece in 1_usize..700) {
        let (mut encoder, mut bytes) = (ChunkEncoder::new(), BytesMut::new());
        let (mut times, mut expected) = (BTreeMap::new(), Vec::new());
        for (csid, message_type, step, payload) in all {
            let time = times.entry(csid).or_insert(0);
            *time += step;
            let chunk =
                RtmpChunk { csid, timestamp: *time, message_type, stream_id: 1, payload: payload.clone().into() };
            encoder.encode(&chunk, &mut bytes);
            expected.push((message_type, 1, *time, payload));
        }
        prop_assert_eq!(theirs(&bytes), ours(&bytes, piece));
        prop_assert_eq!(ours(&bytes, piece), expected);
    }

    #[test]
    fn chunks_that_are_interleaved_are_read_alike(
        one in prop::collection::vec(any::<u8>(), 1..1_000),
        two in prop::collection::vec(any::<u8>(), 1..1_000),
        at in 0_u32..0xff_ffff,
    ) {
        let mut written: Vec<Vec<Vec<u8>>> = Vec::new();
        for (stream, payload) in [(4, &one), (6, &two)] {
            let mut out = BytesMut::new();
            let payload = Bytes::copy_from_slice(payload);
            let message = Message { kind: 9, stream: 1, timestamp: at.min(0xff_fffe), payload };
            super::super::chunk::write_chunks(&mut out, stream, &message);
            let (head, rest) = out.split_at(12 + message.payload.len().min(128));
            written.push(std::iter::once(head).chain(rest.chunks(129)).map(<[u8]>::to_vec).collect());
        }
        let longest = written[0].len().max(written[1].len());
        let turns = (0..longest).flat_map(|n| written.iter().filter_map(move |all| all.get(n)));
        let bytes: Vec<u8> = turns.flatten().copied().collect();
        let read = ours(&bytes, 97);
        prop_assert_eq!(read.len(), 2);
        prop_assert_eq!(read, theirs(&bytes));
    }

    #[test]
    fn values_are_read_as_rtmp_rs_reads_and_writes_them(all in prop::collection::vec(values(), 0..5)) {
        let mut bytes = BytesMut::new();
        for value in &all {
            value.write(&mut bytes);
        }
        let read = amf::amf0::decode_all(&bytes).expect("well made");
        prop_assert_eq!(read.iter().map(of_theirs).collect::<Vec<_>>(), sorted(&all));
        let again = amf::amf0::encode_all(&read);
        prop_assert_eq!(sorted(&read_all(&again).expect("well made")), sorted(&all));
    }

    #[test]
    fn tags_are_read_alike(
        first in any::<u8>(),
        four_cc in prop::sample::select(vec![*b"avc1", *b"hvc1", *b"av01", *b"mp4a", *b"Opus", *b"ac-3", *b"ec-3"]),
        rest in prop::collection::vec(any::<u8>(), 3..60),
    ) {
        video_alike(&[&[0x80 | first][..], &four_cc, &rest].concat());
        audio_alike(&[&[0x90 | first & 15][..], &four_cc, &rest].concat());
        legacy_alike(first, &rest);
    }
}

fn values() -> impl Strategy<Value = Value> {
    let name = "[a-zA-Zé]{1,12}";
    let leaf = prop_oneof![
        any::<f64>().prop_filter("equal to itself", |n| !n.is_nan()).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,40}".prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
        (0_u32..u32::MAX).prop_map(|ms| Value::Date(f64::from(ms))),
    ];
    leaf.prop_recursive(3, 20, 5, move |inner| {
        let properties = prop::collection::btree_map(name, inner.clone(), 0..5);
        prop_oneof![
            properties.prop_map(|all| Value::Object(all.into_iter().collect())),
            prop::collection::vec(inner, 0..5).prop_map(Value::Array),
        ]
    })
}

/// With properties in the order of their names, as rtmp-rs keeps none.
fn sorted(all: &[Value]) -> Vec<Value> {
    let one = |value: &Value| match value {
        Value::Object(properties) => {
            let mut properties: Vec<_> = properties
                .iter()
                .map(|(name, value)| (name.clone(), sorted(std::slice::from_ref(value)).remove(0)))
                .collect();
            properties.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(properties)
        }
        Value::Array(values) => Value::Array(sorted(values)),
        other => other.clone(),
    };
    all.iter().map(one).collect()
}

fn of_theirs(value: &AmfValue) -> Value {
    match value {
        AmfValue::Null => Value::Null,
        AmfValue::Boolean(yes) => Value::Boolean(*yes),
        AmfValue::Number(number) => Value::Number(*number),
        AmfValue::String(text) | AmfValue::Xml(text) => Value::text(text),
        AmfValue::Date(date) => Value::Date(*date),
        AmfValue::Array(values) => Value::Array(values.iter().map(of_theirs).collect()),
        AmfValue::Object(all)
        | AmfValue::EcmaArray(all)
        | AmfValue::TypedObject { properties: all, .. } => {
            let all: BTreeMap<_, _> = all.iter().map(|(k, v)| (k.clone(), of_theirs(v))).collect();
            Value::Object(all.into_iter().collect())
        }
        _ => Value::Undefined,
    }
}

fn parts(
    read: fn(Bytes, &mut Vec<Part>) -> Result<(), tag::TagFault>,
    body: &[u8],
) -> Option<Part> {
    let mut parts = Vec::new();
    read(Bytes::copy_from_slice(body), &mut parts).ok()?;
    (parts.len() == 1).then(|| parts.remove(0))
}

/// Video of one track, without ModEx: sequence headers, frames, ends.
fn video_alike(body: &[u8]) {
    let kind = body[0] & 15;
    let Some(part) = parts(tag::video, body).filter(|_| kind <= 3) else { return };
    let read = EnhancedVideoData::parse(Bytes::copy_from_slice(body));
    // CodedFrames of AV1 have no composition time (Enhanced RTMP v2, ExVideoTagBody).
    let av1 = part.coding == tag::Coding::Av1;
    match (read, part.content) {
        (Ok(EnhancedVideoData::SequenceHeader { config, .. }), Content::Settings(record)) => {
            assert_eq!(config, record);
        }
        (
            Ok(EnhancedVideoData::Frame { composition_time, data, frame_type, .. }),
            Content::Frame { offset, key, data: frame },
        ) => {
            assert_eq!(frame_type.is_keyframe(), key || body[0] >> 4 & 7 == 4, "{body:?}");
            assert!(av1 || (composition_time, &data) == (offset, &frame), "{body:?}");
        }
        // Of reserved frame types they refuse what we read.
        (Ok(EnhancedVideoData::SequenceEnd { .. }), Content::End) | (Err(_), _) => {}
        (theirs, ours) => panic!("{body:?}: {theirs:?} {ours:?}"),
    }
}

fn audio_alike(body: &[u8]) {
    let Some(part) = parts(tag::audio, body).filter(|_| body[0] & 15 <= 2) else { return };
    match (EnhancedAudioData::parse(Bytes::copy_from_slice(body)), part.content) {
        (Ok(EnhancedAudioData::SequenceHeader { config, .. }), Content::Settings(header)) => {
            assert_eq!(config, header);
        }
        (Ok(EnhancedAudioData::Frame { data, .. }), Content::Frame { data: frame, .. }) => {
            assert_eq!(data, frame);
        }
        (Ok(EnhancedAudioData::SequenceEnd { .. }), Content::End) => {}
        (theirs, ours) => panic!("{body:?}: {theirs:?} {ours:?}"),
    }
}

/// H.264 and AAC behind their legacy heads, which rtmp-rs has taken off.
fn legacy_alike(first: u8, rest: &[u8]) {
    let body = [&[0x10 | first & 0x20 | 7, 1][..], rest].concat();
    let frame = parts(tag::video, &body).expect("a frame").content;
    let read = H264Data::parse(Bytes::copy_from_slice(&body[1..]), 4).expect("a frame");
    let (H264Data::Frame { composition_time, nalus, .. }, Content::Frame { offset, data, .. }) =
        (read, frame)
    else {
        panic!("{body:?}")
    };
    assert_eq!((composition_time, nalus), (offset, data));
    let body = [&[0xaf, 1][..], rest].concat();
    let frame = parts(tag::audio, &body).expect("a frame").content;
    let read = AacData::parse(Bytes::copy_from_slice(&body[1..])).expect("a frame");
    let (AacData::Frame { data: theirs }, Content::Frame { data, .. }) = (read, frame) else {
        panic!("{body:?}")
    };
    assert_eq!(theirs, data);
}
