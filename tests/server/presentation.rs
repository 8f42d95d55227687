//! What an endpoint's keys make of its manifests.

use crate::playlist::media_playlists;
use crate::world::World;

/// The loop behind endpoints that differ in how they present it.
fn config(endpoints: &[&str]) -> String {
    let mut text = "[[channel]]\ngroup = \"g\"\nname = \"c\"\nloop = \"loop.mp4\"\n".to_owned();
    for (n, keys) in (1..).zip(endpoints) {
        let endpoint = format!(
            "[[channel.endpoint]]\nname = \"e{n}\"\nprotocol = \"HLSDASH_CMAF\"\n\
             segment_duration = \"2s\"\nopen = true\n{keys}\n"
        );
        text.push_str(&endpoint);
    }
    text
}

/// The resolutions that a manifest lists, in its order.
fn pictures(manifest: &str) -> Vec<&str> {
    let of_hls = manifest.lines().filter_map(|line| line.split_once("RESOLUTION="));
    let hls: Vec<&str> = of_hls.filter_map(|(_, rest)| rest.split(',').next()).collect();
    if !hls.is_empty() {
        return hls;
    }
    let representations = manifest.split("<Representation ").skip(1);
    let widths = representations.filter_map(|r| r.split_once(" width=\"")?.1.split('"').next());
    widths.collect()
}

#[tokio::test]
async fn rungs_are_listed_in_the_order_asked_for_and_within_the_bounds() {
    let world = World::looped(&config(&[
        "stream_order = \"VIDEO_BITRATE_ASCENDING\"",
        "stream_order = \"VIDEO_BITRATE_DESCENDING\"",
        "max_video_bitrate = \"1kbit\"",
        "min_video_bitrate = \"1Gbit\"",
    ]))
    .await;
    for form in ["m3u8", "mpd"] {
        let mut listed = Vec::new();
        for n in 1..=4 {
            let manifest = world.get(&format!("/v1/g/{n}/c/manifest.{form}")).await.text();
            listed.push(pictures(&manifest).join(" "));
        }
        let all: Vec<&str> = listed[0].split(' ').collect();
        assert_eq!(all.len(), 2, "{listed:?}");
        let reversed: Vec<&str> = all.iter().rev().copied().collect();
        assert_eq!(listed[1], reversed.join(" "));
        // No rung is within the bounds: the nearest remains.
        assert_eq!((&*listed[2], &*listed[3]), (all[0], all[1]), "{form}");
    }
    let status = world.admin("/status").await.text();
    for n in [3, 4] {
        let note = format!("endpoint {n}: no rung lies within its video bitrates");
        assert!(status.contains(&note), "{status}");
    }
    // What is not listed is there all the same: a player may have known it from before.
    let multivariant = world.get("/v1/g/3/c/manifest.m3u8").await.text();
    let hidden = world.get("/v1/g/2/c/manifest.m3u8").await.text();
    let hidden = media_playlists(&hidden).into_iter().map(|uri| uri.replace("2-1/", "3-1/"));
    for uri in hidden {
        assert_eq!(world.get(&format!("/v1/g/3/c/{uri}")).await.status, 200, "{multivariant}");
    }
}

#[tokio::test]
async fn delay_buffer_update_and_dates_are_as_configured() {
    let world = World::looped(&config(&[
        "presentation_delay = \"9s\"\nmin_buffer_time = \"6s\"\nmin_update_period = \"5s\"\n\
         date_time_interval = \"6s\"\nwindow = \"30s\"",
        "presentation_delay = \"5s\"",
        "min_update_period = \"7s\"",
    ]))
    .await;
    let mpd = world.get("/v1/g/1/c/manifest.mpd").await.text();
    for attribute in [
        "suggestedPresentationDelay=\"PT9S\"",
        "minBufferTime=\"PT6S\"",
        "minimumUpdatePeriod=\"PT5S\"",
        "timeShiftBufferDepth=\"PT30S\"",
        "par=\"16:9\"",
    ] {
        assert!(mpd.contains(attribute), "{attribute}\n{mpd}");
    }
    // Nothing is asked for: what a player has not been told of yet it cannot play.
    let mpd = world.get("/v1/g/3/c/manifest.mpd").await.text();
    assert!(mpd.contains("suggestedPresentationDelay=\"PT9S\""), "{mpd}");

    let list = async |n: u32| {
        let multivariant = world.get(&format!("/v1/g/{n}/c/manifest.m3u8")).await.text();
        let media = media_playlists(&multivariant).pop_first().expect("one");
        world.get(&format!("/v1/g/{n}/c/{media}")).await.text()
    };
    let text = list(1).await;
    assert!(text.contains("#EXT-X-SERVER-CONTROL:HOLD-BACK=9.000000\n"), "{text}");
    let segments = text.matches("#EXTINF").count();
    let dates = text.matches("#EXT-X-PROGRAM-DATE-TIME").count();
    assert!((segments / 3..=segments / 3 + 2).contains(&dates), "{text}");
    // Five seconds are less than three target durations: no HOLD-BACK, and every segment dated.
    let text = list(2).await;
    assert!(!text.contains("SERVER-CONTROL"), "{text}");
    let dates = text.matches("#EXT-X-PROGRAM-DATE-TIME").count();
    assert_eq!(text.matches("#EXTINF").count(), dates);
}

#[tokio::test]
async fn low_latency_dash_has_defaults_of_its_own_and_heeds_the_same_keys() {
    let parts = "part_duration = \"500ms\"\n";
    let keys = [
        "",
        "presentation_delay = \"4s\"\nmin_buffer_time = \"1s\"\nmin_update_period = \"2s\"",
        "min_update_period = \"3s\"",
        "max_video_bitrate = \"1kbit\"",
    ];
    let endpoints = keys.map(|keys| format!("{parts}{keys}"));
    let world = World::looped(&config(&endpoints.each_ref().map(String::as_str))).await;
    for (n, delay, buffer, update, latency) in [
        (1, "2.536", "0.512", "1", "target=\"2536\" min=\"2024\" max=\"5072\""),
        (2, "4", "1", "2", "target=\"4000\" min=\"3488\" max=\"8000\""),
        (3, "4.536", "0.512", "3", "target=\"4536\" min=\"4024\" max=\"9072\""),
    ] {
        let mpd = world.get(&format!("/v1/g/{n}/c/manifest.mpd")).await.text();
        for said in [
            format!("suggestedPresentationDelay=\"PT{delay}S\""),
            format!("minBufferTime=\"PT{buffer}S\""),
            format!("minimumUpdatePeriod=\"PT{update}S\""),
            format!("<Latency referenceId=\"0\" {latency}/>"),
        ] {
            assert!(mpd.contains(&said), "{said}\n{mpd}");
        }
    }
    let all = world.get("/v1/g/1/c/manifest.mpd").await.text();
    let least = world.get("/v1/g/4/c/manifest.mpd").await.text();
    assert_eq!(pictures(&least), pictures(&all)[pictures(&all).len() - 1..], "the nearest rung");
}
