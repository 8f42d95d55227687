//! Names that nobody has.

use crate::client::Connection;
use crate::world::{LOOPED, World};

/// Robustness 26: they cost an answer, and nothing that stays.
#[tokio::test]
async fn a_thousand_unknown_names_leave_nothing_behind() {
    let world = World::looped(LOOPED).await;
    let mut reader = Connection::open(world.egress()).await;
    let mut encoder = Connection::open(world.server().ingest).await;
    let mut series = Vec::new();
    for n in 0..200 {
        for path in [
            format!("/{n}"),
            format!("/v1/x{n}/1/c/manifest.m3u8"),
            format!("/v1/g/1/x{n}/manifest.mpd"),
            format!("/v1/g/{}/c/manifest", n + 5),
            format!("/v1/g/1/c/x{n}.m3u8"),
            format!("/v1/g/1/c/1-1/x{n}/media.m3u8?_HLS_msn={n}"),
            format!("/v1/g/1/c/1-1/video-90p/init-{n}.mp4"),
            format!("/v1/g/1/c/1-1/video-90p/9{n:09}.m4s"),
            format!("/v1/g/1/c/1-1/video-90p/p{n}-{n}.m4s"),
            format!("/v1/g/1/c/1-{}/video-90p/media.m3u8", n + 2),
        ] {
            let reply = reader.get(&path).await;
            assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        }
        let reply = encoder.ask("PUT", &format!("/v1/g/1/x{n}/live.ts"), &[NOTHING]).await;
        assert_eq!(reply.status, 404, "{}", reply.text());
        series.push(world.server().origin.metrics.scrape().lines().count());
    }
    assert_eq!(world.metric("headwater_waiters "), 0);
    assert_eq!(world.metric("headwater_renderings_total"), 0, "nothing was rendered for them");
    assert!(series.iter().all(|lines| *lines == series[0]), "metrics name none of them");
    assert_eq!(world.server().origin.channels().count(), 1);
    assert_eq!(reader.get("/v1/g/1/c/manifest.m3u8").await.status, 200);
}

const NOTHING: (&str, &str) = ("Content-Length", "0");
