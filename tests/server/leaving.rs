//! Endpoints that go, and lists that become others: who watches them sees their end.

use crate::client::Connection;
use crate::live::{list, without};
use crate::playlist::Playlist;
use crate::world::{LOOPED, World};

#[tokio::test]
async fn an_endpoint_that_goes_ends_its_lists_for_who_watches_it() {
    let world = World::looped(LOOPED).await;
    let low = "/v1/g/1/c/1-1/video-90p/media.m3u8";
    let before = list(&world, low).await;
    let mut waiting = Connection::open(world.egress()).await;
    waiting.send("GET", &format!("{low}?_HLS_msn={}", before.last() + 2), &[]).await;
    world.waiters(1).await;
    // Media goes on to come: a part that was hinted is waited for.
    let hint = world.get(low).await.text();
    let hint = hint.split("TYPE=PART,URI=\"").nth(1).and_then(|rest| rest.split('"').next());
    let mut hinted = Connection::open(world.egress()).await;
    let part = low.replace("media.m3u8", hint.expect("a hint"));
    world.desire(&without("low", "hls")).await;
    hinted.send("GET", &part, &[]).await;
    world.step().await;
    assert_eq!(hinted.receive("GET").await.status, 200, "{part}");
    let last = waiting.receive("GET").await;
    assert!(Playlist::read(&last.text(), None).ended, "{}", last.text());
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 404, "nobody begins");
    let ended = list(&world, low).await;
    assert!(ended.ended);
    for entry in &ended.entries {
        let object = low.replace("media.m3u8", &entry.uri);
        assert_eq!(world.get(&object).await.status, 200, "{object}");
    }
    assert!(!list(&world, "/v1/g/2/c/2-1/video-90p/media.m3u8").await.ended, "the others go on");
    // One that is there again goes on; its list never ended.
    world.desire(LOOPED).await;
    assert!(!list(&world, low).await.ended);
    world.desire(&without("low", "hls")).await;
    world.advance(10_500);
    let forgotten = |w: &World| {
        !w.channel().shown().endpoints.contains_key(&1) && w.snapshot().segmentations.len() == 1
    };
    world.until("it is forgotten", forgotten).await;
    assert_eq!(world.get(low).await.status, 404);
}

/// The looped channel with another protocol for the endpoint that has this one.
fn speaking(name: &str, protocol: &str, another: &str) -> String {
    let section = format!("name = \"{name}\"\n  protocol = \"{protocol}\"");
    assert!(LOOPED.contains(&section), "{section}");
    LOOPED.replace(&section, &section.replace(protocol, another))
}

#[tokio::test]
async fn a_list_of_other_objects_is_another_and_the_old_one_ends() {
    let world = World::looped(LOOPED).await;
    let (old, new) = ("1-1/video-90p/media.m3u8", "1-2/video-90p/media.m3u8");
    let at = |uri: &str| format!("/v1/g/1/c/{uri}");
    world.desire(&speaking("low", "LLHLS_CMAF", "LLHLS_TS")).await;
    let multivariant = world.get("/v1/g/1/c/manifest.m3u8").await.text();
    assert!(multivariant.contains(new), "{multivariant}");
    for (uri, ended, extension) in [(old, true, ".m4s"), (new, false, ".ts")] {
        let list = list(&world, &at(uri)).await;
        assert_eq!(list.ended, ended, "{uri}");
        for entry in &list.entries {
            assert!(entry.uri.ends_with(extension), "{uri}: {}", entry.uri);
            let object = at(&uri.replace("media.m3u8", &entry.uri));
            assert_eq!(world.get(&object).await.status, 200, "{object}");
        }
    }
    // Another change while the first list is still answered.
    world
        .desire(
            &speaking("low", "LLHLS_CMAF", "LLHLS_TS")
                .replace("segment_num = 12", "segment_num = 10"),
        )
        .await;
    assert!(list(&world, &at(old)).await.ended);
    world.advance(10_500);
    world
        .until("it is forgotten", |w| w.channel().shown().endpoints[&1].formers().is_empty())
        .await;
    assert_eq!(world.get(&at(old)).await.status, 404);
    assert_eq!(world.get(&at(new)).await.status, 200);
}

#[tokio::test]
async fn of_two_forms_of_one_endpoint_the_one_that_goes_ends() {
    let world = World::looped(LOOPED).await;
    let uri = "/v1/g/4/c/4-1/video-90p/media.m3u8";
    let mpd = async || world.get("/v1/g/4/c/manifest.mpd").await.text();
    world.desire(&speaking("both", "HLSDASH_CMAF", "DASH_CMAF")).await;
    assert!(list(&world, uri).await.ended);
    assert_eq!(world.get("/v1/g/4/c/manifest.m3u8").await.status, 404, "nobody begins");
    assert!(mpd().await.contains("minimumUpdatePeriod="), "the other goes on");
    world.desire(&speaking("both", "HLSDASH_CMAF", "HLS_CMAF")).await;
    assert!(!list(&world, uri).await.ended);
    assert!(mpd().await.contains("mediaPresentationDuration="));
}

#[tokio::test]
async fn players_of_an_mpd_see_its_end_when_channel_or_endpoint_goes() {
    let world = World::looped(LOOPED).await;
    let ends = async |path: &str| {
        let mpd = world.get(path).await;
        assert_eq!(mpd.status, 200, "{path}: {}", mpd.text());
        let text = mpd.text();
        assert!(text.contains("mediaPresentationDuration="), "{text}");
        assert!(!text.contains("minimumUpdatePeriod="), "{text}");
    };
    world.desire(&without("dash", "both")).await;
    ends("/v1/g/3/c/manifest.mpd").await;
    assert!(world.get("/v1/g/4/c/manifest.mpd").await.text().contains("minimumUpdatePeriod="));
    world.desire("").await;
    ends("/v1/g/4/c/manifest.mpd").await;
    assert_eq!(world.get("/v1/g/4/c/manifest.m3u8").await.status, 404, "nobody begins");
    world.advance(10_500);
    world.until("it is forgotten", |w| w.server().origin.set().channel("g", "c").is_none()).await;
    assert_eq!(world.get("/v1/g/4/c/manifest.mpd").await.status, 404);
}

/// Sees to it that a list has ended, and that all it lists is there.
async fn ended(world: &World, uri: &str, extension: &str) {
    let list = list(world, uri).await;
    assert!(list.ended, "{uri}");
    for entry in &list.entries {
        assert!(entry.uri.ends_with(extension), "{uri}: {}", entry.uri);
        let object = uri.replace("media.m3u8", &entry.uri);
        assert_eq!(world.get(&object).await.status, 200, "{object}");
    }
}

#[tokio::test]
async fn every_form_that_an_endpoint_had_ends_by_itself() {
    let world = World::looped(LOOPED).await;
    let uri = |generation: u32| format!("/v1/g/1/c/1-{generation}/video-90p/media.m3u8");
    let packets = speaking("low", "LLHLS_CMAF", "LLHLS_TS");
    world.desire(&packets).await;
    // Back again: what was before is another list than what is now.
    world.desire(LOOPED).await;
    for (generation, extension) in [(1, ".m4s"), (2, ".ts")] {
        ended(&world, &uri(generation), extension).await;
    }
    assert!(!list(&world, &uri(3)).await.ended);
    // And then it goes altogether.
    world.desire(&packets).await;
    world.desire(&without("low", "hls")).await;
    for (generation, extension) in [(1, ".m4s"), (2, ".ts"), (3, ".m4s"), (4, ".ts")] {
        ended(&world, &uri(generation), extension).await;
    }
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 404);
    world.advance(10_500);
    world.until("all is forgotten", |w| !w.channel().shown().endpoints.contains_key(&1)).await;
}

#[tokio::test]
async fn a_list_of_other_durations_in_another_form_has_another_name() {
    let world = World::looped(LOOPED).await;
    let uri = |generation: u32| format!("/v1/g/4/c/4-{generation}/video-90p/media.m3u8");
    let longer = speaking("both", "HLSDASH_CMAF", "HLS_CMAF");
    let at = longer.find("name = \"both\"").expect("there");
    let (before, section) = longer.split_at(at);
    let section = section.replace("segment_duration = \"2s\"", "segment_duration = \"4s\"");
    let section = section.replace("  window = \"10s\"\n", "");
    world.desire(&format!("{before}{section}")).await;
    let mpd = world.get("/v1/g/4/c/manifest.mpd").await.text();
    assert!(mpd.contains("mediaPresentationDuration=") && mpd.contains("4-1/"), "{mpd}");
    // The new one comes with the next cut.
    for _ in 0..200 {
        if world.get(&uri(2)).await.status == 200 {
            break;
        }
        world.advance(200);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(!list(&world, &uri(2)).await.ended);
}
