// Follows the frames of one push to the endpoints of its channel.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decode, stretchFaults } from './frames.mjs';
import { bytes, dashTracks, fetchShuffled, hlsTracks } from './outputs.mjs';
import { ENDPOINTS, inTransport, manifestPath } from './routes.mjs';
import { SECONDS, WARM_UP } from './sources.mjs';
import { segmentFaults } from './transport.mjs';

// What is listed at least: of segments nearly all, of parts those of three target durations.
const SEGMENTS_SHARE = 11 / SECONDS;
const PARTS_SHARE = 5 / SECONDS;

async function folderOf(work, ...names) {
  const folder = path.join(work, ...names.map((name) => name.replace(/\W+/g, '-')));
  await mkdir(folder, { recursive: true });
  return folder;
}

// Decodes each run of a track: { video, audio }, hashes a run, and what ffmpeg finds fault with.
async function decoded({ kind, runs }, folder, audio) {
  const found = { video: [], audio: [], faults: [] };
  for (const [at, { init, objects }] of runs.entries()) {
    const all = [];
    for (const url of init ? [init, ...objects] : objects) all.push(await bytes(url));
    const file = path.join(folder, `${kind}-${at}.${init ? 'mp4' : 'ts'}`);
    await writeFile(file, Buffer.concat(all));
    const run = await decode(file, audio);
    for (const each of ['video', 'audio']) if (run[each].length > 0) found[each].push(run[each]);
    found.faults.push(...run.faults.map((fault) => `${path.basename(file)}: ${fault}`));
  }
  return found;
}

// The reasons why the tracks of an endpoint are not the source's frames, and a word on them.
async function framesOf({ work, push, endpoint, tracks, reference }) {
  const folder = await folderOf(work, push.channel, `${endpoint.name}${endpoint.parts ? '-parts' : ''}`);
  const runs = { video: [], audio: [] };
  const reasons = [];
  for (const track of tracks) {
    const found = await decoded(track, folder, push.source.audio);
    if (track.gaps > 0) reasons.push(`${track.gaps} gaps of ${track.kind} are listed`);
    reasons.push(...found.faults.slice(0, 3));
    for (const kind of ['video', 'audio']) runs[kind].push(...found[kind]);
  }
  const share = endpoint.parts ? PARTS_SHARE : SEGMENTS_SHARE;
  const words = [];
  for (const kind of ['video', 'audio']) {
    const warmUp = kind === 'video' ? 0 : WARM_UP[push.source.audio];
    const least = Math.floor(reference[kind].length * share);
    reasons.push(...stretchFaults(runs[kind], reference[kind], warmUp, least).map((reason) => `${kind}: ${reason}`));
    words.push(`${runs[kind].flat().length} of ${kind}`);
  }
  return { reasons, words: `${words.join(', ')} in ${Math.max(runs.video.length, runs.audio.length)} runs` };
}

// The hashes of all frames of tracks, in order.
async function hashesOf(tracks, folder, audio) {
  const hashes = { video: [], audio: [] };
  for (const track of tracks) {
    const found = await decoded(track, folder, audio);
    for (const kind of ['video', 'audio']) hashes[kind].push(...found[kind].flat());
  }
  return hashes;
}

// The reasons why a catch-up is not what was served live.
async function pastOf({ work, push, endpoint, url, read }) {
  const now = Math.floor(Date.now() / 1000);
  const found = [];
  for (const [name, asked] of [
    ['live', url],
    ['past', `${url}?start=${now - 120}&end=${now}`],
  ]) {
    const folder = await folderOf(work, push.channel, `${endpoint.name}-${name}`);
    found.push(await hashesOf(await read(asked), folder, push.source.audio));
  }
  const [live, past] = found;
  const reasons = [];
  for (const kind of ['video', 'audio']) {
    const at = live[kind].findIndex((hash, nth) => hash !== past[kind][nth]);
    if (live[kind].length === 0) reasons.push(`no ${kind} was decoded`);
    if (past[kind].length !== live[kind].length) {
      reasons.push(`${past[kind].length} frames of ${kind}, live ${live[kind].length}`);
    } else if (at !== -1) reasons.push(`frame ${at + 1} of ${kind} is another than it was live`);
  }
  return { reasons, words: `${past.video.length} of video, ${past.audio.length} of audio, as they were live` };
}

// The reasons why the segments of transport streams are not whole.
async function segmentsOf({ work, push, endpoint, tracks }) {
  const reasons = tracks.length > 0 ? [] : ['nothing is listed'];
  const words = [];
  for (const { kind, runs } of tracks) {
    const folder = await folderOf(work, push.channel, endpoint.name, kind);
    const fetched = await fetchShuffled(runs);
    reasons.push(...(await segmentFaults({ runs, fetched, folder, audio: push.source.audio })));
    words.push(`${fetched.size} segments of ${kind}`);
  }
  return { reasons, words: words.join(', ') };
}

// All that is asked of one push, one after the other: [name, act]. What is fetched from `egress` goes to
// the folder `work`; `reference` is what the source decodes to.
export function followed({ egress, push, reference, work }) {
  // Transport streams are made from what is stored: of the other forms the fewest segments will do.
  const everySegment = push.form === 'ts' || push.source.pieces;
  const [all, last] = [[], []];
  const ended = Date.now() + (SECONDS + 1) * 1000;
  for (const [at, endpoint] of ENDPOINTS.entries()) {
    if (endpoint.transport && !inTransport(push.source)) continue;
    const url = egress + manifestPath(push, at);
    const readFrom = (from, options) => (endpoint.dash ? dashTracks(from) : hlsTracks(from, options));
    const read = (options) => readFrom(url, options);
    const where = `${push.source.name} by ${push.form} at ${endpoint.name}`;
    if (endpoint.transport && (everySegment || endpoint.parts)) {
      all.push([`segments of ${where}`, async () => segmentsOf({ work, push, endpoint, tracks: await read() })]);
    }
    const which = endpoint.parts ? 'frames in parts' : 'frames';
    all.push([
      `${which} of ${where}`,
      async () => framesOf({ work, push, endpoint, reference, tracks: await read({ parts: endpoint.parts }) }),
    ]);
    // The past is read from reels, whatever form was pushed.
    if (endpoint.past && push.form === 'ts') {
      const caughtUp = async () => {
        // What was pushed at once is past when it would have ended.
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, ended - Date.now())));
        return pastOf({ work, push, endpoint, url, read: readFrom });
      };
      last.push([`frames of ${where} caught up`, caughtUp]);
    }
  }
  return [...all, ...last];
}
