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
  const all = [];
  for (const [at, endpoint] of ENDPOINTS.entries()) {
    if (endpoint.transport && !inTransport(push.source)) continue;
    const url = egress + manifestPath(push, at);
    const read = (options) => (endpoint.dash ? dashTracks(url) : hlsTracks(url, options));
    const where = `${push.source.name} by ${push.form} at ${endpoint.name}`;
    if (endpoint.transport && (everySegment || endpoint.parts)) {
      all.push([`segments of ${where}`, async () => segmentsOf({ work, push, endpoint, tracks: await read() })]);
    }
    const which = endpoint.parts ? 'frames in parts' : 'frames';
    all.push([
      `${which} of ${where}`,
      async () => framesOf({ work, push, endpoint, reference, tracks: await read({ parts: endpoint.parts }) }),
    ]);
  }
  return all;
}
