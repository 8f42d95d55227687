//! Playlists as encoders and origins write them.

use super::*;
use crate::units::MediaTime;

fn media(text: &str) -> MediaPlaylist {
    match read(text.as_bytes()) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_playlist_of_ffmpeg_is_read() {
    let media = media(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
         #EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.000000,\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-25T18:20:41.065+0000\nlive7.m4s\n\
         #EXT-X-DISCONTINUITY\n#EXTINF:1.520000,\nlive8.m4s\n#EXT-X-ENDLIST\n",
    );
    assert_eq!((media.target_duration, media.media_sequence, media.ended), (2, 7, true));
    let [first, second] = &media.segments[..] else { panic!("{media:?}") };
    assert_eq!((first.number, &*first.uri, first.duration_ms), (7, "live7.m4s", 2_000));
    assert_eq!(first.program_date_time, Some(MediaTime::from_millis(1_795_630_841_065)));
    assert_eq!(first.map, Some(Map { uri: "init.mp4".to_owned(), range: None }));
    assert_eq!((first.discontinuity, second.discontinuity), (false, true));
    assert_eq!((second.number, second.duration_ms), (8, 1_520));
}

#[test]
fn byte_ranges_go_on_where_the_last_one_ended() {
    let media = media(
        "#EXTM3U\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"100@0\"\n#EXTINF:2,\n\
         #EXT-X-BYTERANGE:50@100\na.mp4\n#EXTINF:2,\n#EXT-X-BYTERANGE:60\na.mp4\n\
         #EXTINF:2,\n#EXT-X-BYTERANGE:7\nb.mp4\n",
    );
    let ranges: Vec<_> =
        media.segments.iter().map(|s| s.range.map(|r| (r.start, r.length))).collect();
    assert_eq!(ranges, [Some((100, 50)), Some((150, 60)), Some((0, 7))]);
    let map = media.segments[0].map.as_ref().and_then(|map| map.range);
    assert_eq!(map, Some(Range { start: 0, length: 100 }));
}

#[test]
fn parts_belong_to_the_segment_after_them_or_to_the_end() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n\
         #EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n\
         #EXT-X-PART:DURATION=0.5,URI=\"7.0.mp4\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.5,URI=\"7.1.mp4\",GAP=YES\n#EXTINF:1,\n7.mp4\n\
         #EXT-X-PART:DURATION=0.5,URI=\"8.0.mp4\",BYTERANGE=\"10@5\"\n",
    );
    assert!(media.can_block);
    assert_eq!((media.part_target_ms, media.skipped), (Some(500), 4));
    assert_eq!(media.segments[0].number, 7);
    assert_eq!(media.segments[0].parts.iter().map(|p| p.gap).collect::<Vec<_>>(), [false, true]);
    let part = &media.parts[0];
    assert_eq!((&*part.uri, part.range), ("8.0.mp4", Some(Range { start: 5, length: 10 })));
}

#[test]
fn a_multivariant_playlist_lists_variants_and_the_languages_of_renditions() {
    let text = "\u{feff}#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",LANGUAGE=\"fr-CA\",URI=\"a/fr.m3u8\"\n\
                #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"x\",URI=\"s.m3u8\"\n\
                #EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO=\"a\"\nv/0.m3u8\n\
                #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1000,URI=\"i.m3u8\"\n";
    let Ok(Playlist::Multivariant(found)) = read(text.as_bytes()) else { panic!("{text}") };
    let variants: Vec<_> = found.variants.iter().map(|v| (&*v.uri, v.bandwidth)).collect();
    assert_eq!(variants, [("v/0.m3u8", 100_000)]);
    assert_eq!(found.renditions.len(), 1);
    assert_eq!(found.renditions[0].language.as_deref(), Some("fr-CA"));
}

#[test]
fn what_is_no_playlist_or_encrypted_is_refused() {
    assert_eq!(read(b"#EXTINF:2,\na.ts\n"), Err(PlaylistError::NoPlaylist));
    assert_eq!(read(b""), Err(PlaylistError::NoPlaylist));
    assert_eq!(read(b"#EXTM3U\n\xff\xfe"), Err(PlaylistError::NotText));
    let key = b"#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n";
    let method = "SAMPLE-AES".to_owned();
    assert_eq!(read(key), Err(PlaylistError::Encrypted { method }));
    assert!(read(b"#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:2,\na.ts\n").is_ok());
    let many = format!("#EXTM3U\n{}", "a\n".repeat(ENTRIES_MAX + 1));
    assert_eq!(read(many.as_bytes()), Err(PlaylistError::TooMany));
}

#[test]
fn lines_that_break_the_syntax_say_nothing() {
    let media = media("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x\n#EXTINF:abc,\na.ts\n#EXTINF:2,\nb.ts\n");
    let found: Vec<_> = media.segments.iter().map(|s| (s.number, s.duration_ms)).collect();
    assert_eq!(found, [(0, 0), (1, 2_000)]);
}
