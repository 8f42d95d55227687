//! Transport streams for the ingest tests, and how encoders push them.

use crate::client::{Connection, Reply, chunk};
use crate::world::World;

pub(crate) const AUDIO_441: &[u8] = include_bytes!("../../fixtures/ts/audio-441.ts");
pub(crate) const BFRAMES_25: &[u8] = include_bytes!("../../fixtures/ts/bframes-25.ts");
pub(crate) const BFRAMES_2997: &[u8] = include_bytes!("../../fixtures/ts/bframes-2997.ts");
pub(crate) const BFRAMES_30: &[u8] = include_bytes!("../../fixtures/ts/bframes-30.ts");
pub(crate) const CODECS: &[u8] = include_bytes!("../../fixtures/ts/codecs.ts");
pub(crate) const TWO_LANGUAGES: &[u8] = include_bytes!("../../fixtures/ts/two-languages.ts");
pub(crate) const TWO_PROGRAMS: &[u8] = include_bytes!("../../fixtures/ts/two-programs.ts");
pub(crate) const WRAP: &[u8] = include_bytes!("../../fixtures/ts/wrap.ts");

/// Bytes of a packet.
pub(crate) const PACKET: usize = 188;

/// A channel that is pushed to: 1 low-latency, 2 both.
pub(crate) const PUSHED: &str = r#"
[limits]
input_loss = "1s"
[[channel]]
group = "g"
name = "p"
  [[channel.endpoint]]
  name = "low"
  protocol = "LLHLS_CMAF"
  segment_duration = "1s"
  part_duration = "500ms"
  segment_num = 20
  open = true
  [[channel.endpoint]]
  name = "both"
  protocol = "HLSDASH_CMAF"
  segment_duration = "1s"
  segment_num = 20
  window = "10s"
  open = true
"#;

/// Pushes a whole body and waits for the answer.
pub(crate) async fn push(world: &World, path: &str, body: &[u8]) -> Reply {
    push_as(world, "PUT", path, &[], body).await
}

pub(crate) async fn push_as(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let length = body.len().to_string();
    let mut connection = Connection::open(world.server().ingest).await;
    let headers = [headers, &[("Content-Length", &*length)]].concat();
    connection.send(method, path, &headers).await;
    // A refusal may come before the body has gone.
    connection.try_write(body).await;
    connection.receive(method).await
}

/// Begins an endless body.
pub(crate) async fn begin(world: &World, path: &str) -> Connection {
    let mut connection = Connection::open(world.server().ingest).await;
    connection.send("PUT", path, &[("Transfer-Encoding", "chunked")]).await;
    connection
}

/// Pushes media in an endless body that then falls silent.
pub(crate) async fn push_and_stay(world: &World, path: &str, body: &[u8]) -> Connection {
    let mut connection = begin(world, path).await;
    connection.write(&chunk(body)).await;
    connection
}

/// Whether the channel's lists are long enough to be shown: three target durations.
pub(crate) fn plays(world: &World) -> bool {
    let snapshot = world.snapshot();
    let mut views = snapshot.segmentations.values().peekable();
    views.peek().is_some()
        && views.all(|v| {
            v.current().all(|list| {
                let span = list.rows.iter_from(0).map(|row| row.length().floor_millis());
                list.rows.len() > 3 || list.rows.len() == 3 && span.sum::<i64>() >= 2_950
            })
        })
}

/// The stream and the same again, its times `seconds` later, as one stream.
pub(crate) fn twice(ts: &[u8], seconds: u64) -> Vec<u8> {
    let mut out = [ts, ts].concat();
    let mut counters = std::collections::BTreeMap::new();
    for (i, packet) in out.chunks_exact_mut(PACKET).enumerate() {
        let payload = packet[3] & 0x10 != 0;
        let counter = counters.entry(pid(packet)).or_insert(packet[3] & 15);
        packet[3] = packet[3] & 0xf0 | *counter;
        *counter = (*counter + u8::from(payload)) & 15;
        if i >= ts.len() / PACKET {
            put_off(packet, seconds * 90_000);
        }
    }
    out
}

/// Moves a packet's PCR, PTS and DTS.
fn put_off(packet: &mut [u8], by: u64) {
    let adaptation = packet[3] & 0x20 != 0;
    let start = if adaptation { 5 + usize::from(packet[4]) } else { 4 };
    if adaptation && packet[4] >= 7 && packet[5] & 0x10 != 0 {
        let base = packet[6..10].iter().fold(0, |n, b| n << 8 | u64::from(*b)) << 1;
        let base = (base + u64::from(packet[10] >> 7) + by) & ((1 << 33) - 1);
        packet[6..10].copy_from_slice(&u32::try_from(base >> 1).unwrap().to_be_bytes());
        packet[10] = packet[10] & 0x7f | u8::try_from(base & 1).unwrap() << 7;
    }
    if packet[1] & 0x40 != 0 && packet[start..].starts_with(&[0, 0, 1]) && packet[start + 3] >= 0xc0
    {
        let flags = packet[start + 7] >> 6;
        for (at, there) in [(start + 9, flags >= 2), (start + 14, flags == 3)] {
            if there {
                put_off_time(&mut packet[at..at + 5], by);
            }
        }
    }
}

/// Moves a 33-bit time with its marker bits.
fn put_off_time(field: &mut [u8], by: u64) {
    let bits = field.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    let time = (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7fff) << 15 | bits >> 1 & 0x7fff;
    let time = (time + by) & ((1 << 33) - 1);
    let marked = (time >> 30) << 33 | (time >> 15 & 0x7fff) << 17 | (time & 0x7fff) << 1;
    let bits = bits & 0xf1_0001_0001 | marked;
    field.copy_from_slice(&bits.to_be_bytes()[3..]);
}

fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2])
}

fn begins_unit(packet: &[u8]) -> bool {
    packet[1] & 0x40 != 0
}

/// The stream in pieces as an encoder's segments would be: each begins with a PAT.
pub(crate) fn pieces(ts: &[u8], least: usize) -> Vec<&[u8]> {
    let mut cuts = vec![0];
    for (i, packet) in ts.chunks_exact(PACKET).enumerate() {
        if pid(packet) == 0 && i * PACKET >= cuts.last().unwrap() + least {
            cuts.push(i * PACKET);
        }
    }
    cuts.push(ts.len());
    cuts.windows(2).map(|w| &ts[w[0]..w[1]]).collect()
}

/// The stream without its nth packet of `wanted` that begins no unit.
pub(crate) fn without_packet(ts: &[u8], wanted: u16, nth: usize) -> Vec<u8> {
    let inside = |p: &&[u8]| pid(p) == wanted && !begins_unit(p);
    let lost = ts.chunks_exact(PACKET).filter(inside).nth(nth).expect("so many packets").as_ptr();
    ts.chunks_exact(PACKET).filter(|p| p.as_ptr() != lost).flatten().copied().collect()
}

/// The stream with another stream type for one of its PIDs, in every PMT.
pub(crate) fn with_stream_type(ts: &[u8], pmt: u16, stream: u16, stream_type: u8) -> Vec<u8> {
    let mut out = ts.to_vec();
    let mut changed = 0;
    for packet in out.chunks_exact_mut(PACKET).filter(|p| pid(p) == pmt && p[1] & 0x40 != 0) {
        assert_eq!(packet[3] & 0x20, 0, "our fixtures' tables have no adaptation field");
        let section = 5 + usize::from(packet[4]);
        let length = usize::from(packet[section + 1] & 15) << 8 | usize::from(packet[section + 2]);
        let end = section + 3 + length - 4;
        let descriptors =
            usize::from(packet[section + 10] & 15) << 8 | usize::from(packet[section + 11]);
        let mut at = section + 12 + descriptors;
        while at < end {
            let of = u16::from(packet[at + 1] & 31) << 8 | u16::from(packet[at + 2]);
            if of == stream {
                packet[at] = stream_type;
                changed += 1;
            }
            at += 5 + (usize::from(packet[at + 3] & 15) << 8 | usize::from(packet[at + 4]));
        }
        let sum = crc(&packet[section..end]);
        packet[end..end + 4].copy_from_slice(&sum.to_be_bytes());
    }
    assert!(changed > 0, "there is such a stream");
    out
}

/// CRC-32/MPEG-2.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 }
        })
    })
}
