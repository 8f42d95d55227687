// What an endpoint lists, read as a player reads it. A track is { kind: 'video' | 'audio', runs, gaps }: the
// runs that are decoded from one initialization each, and how many gaps are listed. A run is
// { init, objects }, URLs both; in transport streams all is one run, whose init is null.

async function text(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} is answered ${answer.status}: ${(await answer.text()).trim()}`);
  return answer.text();
}

// The bytes at `url`.
export async function bytes(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} is answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

// Fetches the objects of `runs` one by one in the order of a fixed shuffle: what is made at a request
// is made out of order. Gives them by URL.
export async function fetchShuffled(runs) {
  const urls = runs.flatMap(({ objects }) => objects);
  let state = 20_261;
  for (let at = urls.length - 1; at > 0; at -= 1) {
    state = (state * 16_807) % 2_147_483_647;
    const other = state % (at + 1);
    [urls[at], urls[other]] = [urls[other], urls[at]];
  }
  const found = new Map();
  for (const url of urls) found.set(url, await bytes(url));
  return found;
}

const attribute = (line, name) => new RegExp(`[:,\\s]${name}="([^"]*)"`).exec(line)?.[1];

// The media playlists of a multivariant one: [{ kind: 'video' | 'audio', url }].
async function playlists(url) {
  const lines = (await text(url)).split('\n');
  const tracks = [];
  for (const [at, line] of lines.entries()) {
    const media = line.startsWith('#EXT-X-MEDIA:TYPE=AUDIO') ? attribute(line, 'URI') : undefined;
    if (media) tracks.push({ kind: 'audio', url: new URL(media, url).href });
    if (line.startsWith('#EXT-X-STREAM-INF')) tracks.push({ kind: 'video', url: new URL(lines[at + 1], url).href });
  }
  // A variant that is sound alone has the list of its sound.
  return tracks.filter((track) => tracks.find(({ url: other }) => other === track.url) === track);
}

// The runs of a media playlist: of its segments, or of the parts that it lists.
async function playlistTrack({ kind, url }, parts) {
  const runs = [];
  let init = null;
  let gaps = 0;
  let isGap = false;
  for (const line of (await text(url)).split('\n')) {
    if (line.startsWith('#EXT-X-MAP')) init = new URL(attribute(line, 'URI'), url).href;
    if (line.startsWith('#EXT-X-GAP')) isGap = true;
    if (isGap && line !== '' && !line.startsWith('#')) {
      gaps += 1;
      isGap = false;
      continue;
    }
    const part = line.startsWith('#EXT-X-PART:') ? attribute(line, 'URI') : undefined;
    const object = parts ? part : line !== '' && !line.startsWith('#') ? line : undefined;
    if (object === undefined) continue;
    if (runs.at(-1)?.init !== init) runs.push({ init, objects: [] });
    runs.at(-1).objects.push(new URL(object, url).href);
  }
  return { kind, runs, gaps };
}

export async function hlsTracks(url, { parts = false } = {}) {
  return Promise.all((await playlists(url)).map((track) => playlistTrack(track, parts)));
}

// The tracks of an MPD of SegmentTimelines, a run each Period. A gap has no entry there.
export async function dashTracks(url) {
  const mpd = await text(url);
  const tracks = new Map();
  for (const [, period] of mpd.matchAll(/<Period\b(.*?)<\/Period>/gs)) {
    for (const [, set] of period.matchAll(/<AdaptationSet\b(.*?)<\/AdaptationSet>/gs)) {
      const kind = attribute(set, 'contentType');
      for (const [, representation] of set.matchAll(/<Representation\b(.*?)<\/Representation>/gs)) {
        const id = attribute(representation, 'id');
        if (!tracks.has(id)) tracks.set(id, { kind, runs: [], gaps: 0 });
        tracks.get(id).runs.push(timelineRun(representation, id, url));
      }
    }
  }
  return [...tracks.values()];
}

function timelineRun(representation, id, url) {
  const named = (name, number) =>
    new URL(attribute(representation, name).replace('$RepresentationID$', id).replace('$Number$', number), url).href;
  const rows = [...representation.matchAll(/<S\b([^>]*)\/>/g)];
  const count = rows.reduce((sum, [, row]) => sum + 1 + Number(attribute(row, 'r') ?? 0), 0);
  const first = Number(attribute(representation, 'startNumber'));
  return {
    init: named('initialization'),
    objects: Array.from({ length: count }, (_, at) => named('media', first + at)),
  };
}

// How many seconds the shortest playlist of `url` lists.
export async function listedSeconds(url) {
  const tracks = await playlists(url);
  const lists = await Promise.all(tracks.map((track) => text(track.url)));
  const durations = (list) => [...list.matchAll(/^#EXTINF:([\d.]+)/gm)].map(([, seconds]) => Number(seconds));
  return Math.min(...lists.map((list) => durations(list).reduce((a, b) => a + b, 0)));
}
