//! A channel's slate: what it shows while all inputs are silent.

use headwater::packager::PeriodTrack;

use crate::ts::{self, PUSHED, push_and_stay};
use crate::world::World;

const PATH: &str = "/v1/g/1/p/live.ts";
/// The largest rung of the slate's file, and the picture that is pushed.
const SLATE: &str = "RESOLUTION=160x90";
const PUSH: &str = "RESOLUTION=320x180";

fn slated() -> String {
    PUSHED.replace("name = \"p\"", "name = \"p\"\nslate = \"loop.mp4\"")
}

/// The multivariant playlist, once it lists that picture; time passes meanwhile.
async fn listed(world: &World, picture: &str) -> String {
    let width: u32 = picture[11..14].parse().expect("three digits");
    world
        .until(&format!("{picture} is shown"), |world| {
            world.advance(50);
            let snapshot = world.snapshot();
            let views = &mut snapshot.segmentations.values().peekable();
            let shows = |track: &PeriodTrack| {
                track.codec.picture().is_some_and(|picture| u32::from(picture.width) == width)
            };
            views.peek().is_some() && views.all(|view| view.period.tracks.iter().any(shows))
        })
        .await;
    world
        .until("it plays", |world| {
            world.advance(50);
            ts::plays(world)
        })
        .await;
    let reply = world.get("/v1/g/2/p/manifest.m3u8").await;
    assert!(reply.text().contains(picture), "{}: {}", reply.status, reply.text());
    reply.text()
}

async fn status(world: &World) -> String {
    world.admin("/status").await.text()
}

#[tokio::test]
async fn a_slate_plays_while_nobody_pushes_and_gives_way_to_who_does() {
    let world = World::driven(&slated());
    assert_eq!(world.get("/v1/g/2/p/manifest.m3u8").await.status, 503, "not before input_loss");
    let text = listed(&world, SLATE).await;
    assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 1, "nothing has played: {text}");
    assert!(status(&world).await.contains("the slate plays"), "{}", status(&world).await);

    let encoder = push_and_stay(&world, PATH, &ts::twice(ts::BFRAMES_25, 4)).await;
    let text = listed(&world, PUSH).await;
    assert!(!text.contains(SLATE), "{text}");
    assert!(!status(&world).await.contains("the slate plays"));

    drop(encoder);
    let text = listed(&world, SLATE).await;
    assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 1, "one rung for one: {text}");
    let mpd = world.get("/v1/g/2/p/manifest.mpd").await.text();
    assert!(mpd.contains("width=\"160\""), "{mpd}");
}
