use super::*;

const LIMITS: ChunkLimits = ChunkLimits { message_bytes: 1_000, held_bytes: 1_500, streams: 4 };

/// Type, message stream, timestamp and payload.
type Read = (u8, u32, u32, Vec<u8>);

/// Messages of all bytes, given at once and byte by byte.
fn read(bytes: &[u8]) -> Result<Vec<Read>, ChunkFault> {
    let mut all = Vec::new();
    for piece in [bytes.len().max(1), 1] {
        let mut reader = ChunkReader::new(LIMITS);
        let (mut input, mut out) = (BytesMut::new(), Vec::new());
        for bytes in bytes.chunks(piece) {
            input.extend_from_slice(bytes);
            while let Some(m) = reader.next(&mut input)? {
                out.push((m.kind, m.stream, m.timestamp, m.payload.to_vec()));
            }
        }
        let open: usize = reader.streams.values().map(|stream| stream.payload.len()).sum();
        assert_eq!(reader.held_bytes(), open);
        all.push(out);
    }
    assert_eq!(all[0], all[1], "pieces change nothing");
    Ok(all.swap_remove(0))
}

/// A header of type 0: chunk stream, timestamp, length, type; message stream 1.
fn begin(stream: u8, timestamp: u32, length: u32, kind: u8) -> Vec<u8> {
    let mut out = vec![stream];
    out.extend(&timestamp.min(EXTENDED).to_be_bytes()[1..]);
    out.extend(&length.to_be_bytes()[1..]);
    out.extend([kind, 1, 0, 0, 0]);
    if timestamp >= EXTENDED {
        out.extend(timestamp.to_be_bytes());
    }
    out
}

#[test]
fn the_four_headers_say_what_differs() {
    let bytes = [
        &begin(4, 1_000, 3, 9)[..],
        b"abc",
        // Type 1: 40 ms later, two bytes, audio.
        &[0x44, 0, 0, 40, 0, 0, 2, 8],
        b"de",
        // Type 2: 20 ms later.
        &[0x84, 0, 0, 20],
        b"fg",
        // Type 3: 20 ms later again.
        &[0xc4],
        b"hi",
    ]
    .concat();
    let expected = [
        (9, 1, 1_000, b"abc".to_vec()),
        (8, 1, 1_040, b"de".to_vec()),
        (8, 1, 1_060, b"fg".to_vec()),
        (8, 1, 1_080, b"hi".to_vec()),
    ];
    assert_eq!(read(&bytes).unwrap(), expected);
    // Behind type 0 the step is its timestamp (RTMP 1.0 §5.3.1.2.4).
    let bytes = [&begin(4, 23, 1, 8)[..], b"a", &[0xc4], b"b"].concat();
    let times: Vec<u32> = read(&bytes).unwrap().iter().map(|m| m.2).collect();
    assert_eq!(times, [23, 46]);
}

#[test]
fn messages_of_several_streams_are_interleaved_chunk_by_chunk() {
    let (video, audio) = (vec![1; 300], vec![2; 200]);
    let bytes = [
        &begin(6, 40, 300, 9)[..],
        &video[..128],
        &begin(4, 40, 200, 8),
        &audio[..128],
        &[0xc6],
        &video[..128],
        &[0xc4],
        &audio[..72],
        &[0xc6],
        &video[..44],
    ]
    .concat();
    assert_eq!(read(&bytes).unwrap(), [(8, 1, 40, audio), (9, 1, 40, video)]);
}

#[test]
fn chunk_stream_ids_have_one_two_or_three_bytes() {
    for (basic, id) in
        [(&[2][..], 2), (&[63], 63), (&[0, 0], 64), (&[0, 255], 319), (&[1, 2, 1], 322)]
    {
        let header = [basic, &begin(0, 0, 1, 8)[1..], b"a"].concat();
        assert_eq!(basic_header(&header), Some((id, 0, basic.len())));
        assert_eq!(read(&header).unwrap().len(), 1, "{id}");
    }
}

#[test]
fn extended_timestamps_stand_in_every_header_or_not_in_those_of_type_3() {
    let (at, payload) = (0x0100_0000_u32, vec![7; 300]);
    let stamp = at.to_be_bytes();
    for (first, between) in [(at, &stamp[..]), (EXTENDED, &EXTENDED.to_be_bytes()), (at, &[])] {
        let bytes = [
            &begin(4, first, 300, 9)[..],
            &payload[..128],
            &[0xc4],
            between,
            &payload[..128],
            &[0xc4],
            between,
            &payload[..44],
        ]
        .concat();
        assert_eq!(read(&bytes).unwrap(), [(9, 1, first, payload.clone())], "{between:?}");
    }
    // A step that needs more than 24 bits, repeated.
    let step = 0x0200_0000_u32.to_be_bytes();
    let bytes = [
        &begin(4, 5, 1, 9)[..],
        b"a",
        &[0x84, 0xff, 0xff, 0xff],
        &step,
        b"b",
        &[0xc4],
        &step,
        b"c",
    ]
    .concat();
    let times: Vec<u32> = read(&bytes).unwrap().iter().map(|m| m.2).collect();
    assert_eq!(times, [5, 0x0200_0005, 0x0400_0005]);
}

#[test]
fn timestamps_wrap() {
    let bytes = [&begin(4, u32::MAX - 9, 1, 8)[..], b"a", &[0x84, 0, 0, 20], b"b"].concat();
    let times: Vec<u32> = read(&bytes).unwrap().iter().map(|m| m.2).collect();
    assert_eq!(times, [u32::MAX - 9, 10]);
}

#[test]
fn chunks_have_the_size_that_is_set_from_the_next_on() {
    let payload = vec![3; 700];
    let set = |size: u32| [&begin(2, 0, 4, SET_CHUNK_SIZE)[..], &size.to_be_bytes()].concat();
    let bytes = [&set(512)[..], &begin(4, 0, 700, 9), &payload[..512], &[0xc4], &payload[..188]];
    assert_eq!(read(&bytes.concat()).unwrap()[0].3, payload);
    let bytes = [&set(i32::MAX as u32)[..], &begin(4, 0, 700, 9), &payload].concat();
    assert_eq!(read(&bytes).unwrap()[0].3, payload);
    for size in [0, 1 << 31] {
        assert_eq!(read(&set(size)), Err(ChunkFault::ChunkSize { size }));
    }
    let short = [&begin(2, 0, 2, SET_CHUNK_SIZE)[..], &[0, 1]].concat();
    assert_eq!(read(&short), Err(ChunkFault::Control { kind: 1, length: 2 }));
}

#[test]
fn a_message_that_is_aborted_or_begun_anew_leaves_nothing() {
    let abort = [&begin(2, 0, 4, ABORT)[..], &4_u32.to_be_bytes()].concat();
    let whole = [&begin(4, 7, 2, 8)[..], b"ab"].concat();
    let half = [&begin(4, 0, 200, 9)[..], &[1; 128]].concat();
    let expected = [(8, 1, 7, b"ab".to_vec())];
    assert_eq!(read(&[&half[..], &abort, &whole].concat()).unwrap(), expected);
    assert_eq!(read(&[&half[..], &whole].concat()).unwrap(), expected);
    assert_eq!(read(&[&abort[..], &whole].concat()).unwrap(), expected, "nothing to abort");
}

#[test]
fn empty_messages_are_messages() {
    let bytes = [&begin(4, 7, 0, 8)[..], &[0x84, 0, 0, 3]].concat();
    assert_eq!(read(&bytes).unwrap(), [(8, 1, 7, vec![]), (8, 1, 10, vec![])]);
}

#[test]
fn limits_hold_and_are_named() {
    let long = read(&begin(4, 0, 1_001, 9));
    let fault = ChunkFault::MessageTooLong { stream: 4, length: 1_001, limit: 1_000 };
    assert_eq!(long, Err(fault));
    assert!(fault.to_string().contains("1001 bytes; 1000 are allowed"));
    let set = [&begin(2, 0, 4, SET_CHUNK_SIZE)[..], &990_u32.to_be_bytes()].concat();
    let half = |stream| [&begin(stream, 0, 1_000, 9)[..], &[0; 990]].concat();
    assert_eq!(
        read(&[&set[..], &half(4), &half(5)].concat()),
        Err(ChunkFault::Held { limit: 1_500 })
    );
    let five: Vec<u8> =
        (3..8).flat_map(|stream| [&begin(stream, 0, 1, 8)[..], b"a"].concat()).collect();
    assert_eq!(read(&five), Err(ChunkFault::TooManyStreams { limit: 4 }));
    assert_eq!(read(&[0xc7]), Err(ChunkFault::NoHeader { stream: 7, format: 3 }));
    assert_eq!(read(&[0x87]), Err(ChunkFault::NoHeader { stream: 7, format: 2 }));
    // Some encoders leave the message stream out of a stream's first header.
    let bytes = [&[0x47, 0, 0, 9, 0, 0, 1, 8][..], b"a"].concat();
    assert_eq!(read(&bytes).unwrap(), [(8, 0, 9, b"a".to_vec())]);
}

#[test]
fn what_is_written_reads_back() {
    for length in [0, 1, 128, 129, 900] {
        let payload = Bytes::from(vec![5; length]);
        let message = Message { kind: 20, stream: 1, timestamp: 77, payload };
        let mut out = BytesMut::new();
        write_chunks(&mut out, 3, &message);
        assert_eq!(read(&out).unwrap(), [(20, 1, 77, vec![5; length])]);
    }
}
