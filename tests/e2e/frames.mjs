#!/usr/bin/env node
// Follows frames through the server: every codec in every form it is pushed in, to every output that
// carries it. What an output decodes to must be the source's frames, each once and in order; transport
// stream segments must be whole by themselves, whatever order they are asked for in, and one stream
// together. Prints a line for each and `N passed, M failed` last.
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pushOnce } from './lib/ffmpeg.mjs';
import { decode, stretchFaults } from './lib/frames.mjs';
import { bytes, dashTracks, fetchShuffled, hlsTracks, listedSeconds } from './lib/outputs.mjs';
import { startServer, untilThere } from './lib/server.mjs';
import { SECONDS, SOURCES, WARM_UP, makeSources } from './lib/sources.mjs';
import { segmentFaults } from './lib/transport.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const WORK = path.join(ROOT, 'target/e2e/frames');
const BINARY = path.resolve(process.env.HEADWATER_BIN ?? path.join(ROOT, 'target/debug/headwater'));
const AT_A_TIME = 2;
const PUSH_SECONDS = 60;
// From the end of a push until all of it is listed.
const LISTED_SECONDS = 8;
// What is listed at least: of segments nearly all, of parts those of three target durations.
const SEGMENTS_SHARE = 11 / SECONDS;
const PARTS_SHARE = 5 / SECONDS;

const USAGE = `usage: frames.mjs [--only REGEX]
HEADWATER_BIN names the server's binary (target/debug/headwater). What is fetched goes to target/e2e/frames.`;

// The forms of lib/ffmpeg.mjs and what each carries.
const inTransport = ({ video }) => video !== 'av1';
const ofOneSetting = ({ pieces }) => !pieces;
const FORMS = {
  ts: inTransport,
  hls: inTransport,
  'hls-fmp4': ofOneSetting,
  dash: ofOneSetting,
  cmaf: ofOneSetting,
};
const PUSHES = Object.entries(FORMS).flatMap(([form, carries]) =>
  SOURCES.filter(carries).map((source) => ({ channel: `${source.name}-${form}`, form, source })),
);

// `muxed`: the sound is in the picture's list. The first waits for what is pushed.
const ENDPOINTS = [
  { name: 'HLS_CMAF', protocol: 'HLS_CMAF', more: 'segment_duration = "1s"\nwindow = "60s"' },
  { name: 'DASH_CMAF', protocol: 'DASH_CMAF', more: 'segment_duration = "1s"\nwindow = "60s"', dash: true },
  { name: 'LLHLS_CMAF', protocol: 'LLHLS_CMAF', more: 'segment_duration = "2s"\npart_duration = "500ms"', parts: true },
  { name: 'HLS', protocol: 'HLS', more: 'segment_duration = "1s"\nwindow = "60s"', transport: true, muxed: true },
  {
    name: 'HLS with audio groups',
    protocol: 'HLS',
    more: 'segment_duration = "1s"\nwindow = "60s"\nuse_audio_rendition_groups = true',
    transport: true,
  },
  {
    name: 'LLHLS_TS',
    protocol: 'LLHLS_TS',
    more: 'segment_duration = "2s"\npart_duration = "500ms"\nwindow = "60s"',
    transport: true,
    muxed: true,
    parts: true,
  },
];

const channelText = ({ channel }) => {
  const endpoints = ENDPOINTS.map(
    ({ protocol, more }, at) => `[[channel.endpoint]]\nname = "e${at}"\nprotocol = "${protocol}"\nopen = true\n${more}\n`,
  );
  return `[[channel]]\ngroup = "frames"\nname = "${channel}"\n${endpoints.join('')}`;
};

const manifest = (server, { channel }, at) =>
  `${server.addresses.egress}/v1/frames/${at + 1}/${channel}/manifest.${ENDPOINTS[at].dash ? 'mpd' : 'm3u8'}`;

// Pushes one source and waits until it is listed; what is not, the checks tell.
async function pushed(server, push) {
  const file = path.join(WORK, push.source.file);
  const folder = `${server.addresses.ingest}/v1/frames/1/${push.channel}`;
  // Segments come with requests of their own, and only time tells which tracks belong together.
  await pushOnce(push.form, file, folder, { seconds: PUSH_SECONDS, realTime: push.form !== 'ts' });
  const first = manifest(server, push, 0);
  await untilThere(first, LISTED_SECONDS);
  const end = Date.now() + LISTED_SECONDS * 1000;
  while ((await listedSeconds(first)) < SECONDS - 0.1 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const folderOf = async (...names) => {
  const folder = path.join(WORK, ...names.map((name) => name.replace(/\W+/g, '-')));
  await mkdir(folder, { recursive: true });
  return folder;
};

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
async function framesOf({ push, endpoint, tracks, reference }) {
  const folder = await folderOf(push.channel, `${endpoint.name}${endpoint.parts ? '-parts' : ''}`);
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
async function segmentsOf({ push, endpoint, tracks }) {
  const reasons = [];
  const words = [];
  for (const { kind, runs } of tracks) {
    const folder = await folderOf(push.channel, endpoint.name, kind);
    const fetched = await fetchShuffled(runs);
    const found = await segmentFaults({ runs, fetched, folder, audio: push.source.audio });
    reasons.push(...found.reasons);
    words.push(`${fetched.size} segments of ${kind}`);
  }
  return { reasons, words: words.join(', ') };
}

// All that is asked of one push, one after the other: [name, act].
function cases(server, push, reference) {
  const all = [];
  for (const [at, endpoint] of ENDPOINTS.entries()) {
    if (endpoint.transport && !inTransport(push.source)) continue;
    const url = manifest(server, push, at);
    const read = (options) => (endpoint.dash ? dashTracks(url) : hlsTracks(url, options));
    const where = `${push.source.name} by ${push.form} at ${endpoint.name}`;
    if (endpoint.transport) {
      all.push([`segments of ${where}`, async () => segmentsOf({ push, endpoint, tracks: await read() })]);
    }
    const which = endpoint.parts ? 'frames in parts' : 'frames';
    all.push([
      `${which} of ${where}`,
      async () => framesOf({ push, endpoint, reference, tracks: await read({ parts: endpoint.parts }) }),
    ]);
  }
  return all;
}

async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    return { reasons: [error.message], words: '' };
  }
}

function chosen() {
  const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', default: false } } });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const wanted = new RegExp(values.only ?? '', 'i');
  const pushes = PUSHES.filter(({ channel }) => wanted.test(channel));
  if (pushes.length === 0) throw new Error('no push has such a name');
  return pushes;
}

async function main() {
  const pushes = chosen();
  await access(BINARY).catch(() => {
    throw new Error(`${BINARY} is not there: cargo build, or set HEADWATER_BIN`);
  });
  await mkdir(WORK, { recursive: true });
  await makeSources(WORK);
  const references = new Map();
  const words = [];
  const say = (name, { reasons, words: told }) => {
    words.push(reasons.length === 0 ? 'ok' : 'FAILED');
    console.log(`${words.at(-1).padEnd(7)} ${name}: ${reasons.length === 0 ? told : reasons.join('; ')}`);
  };
  for (const source of new Set(pushes.map(({ source }) => source))) {
    references.set(source, await decode(path.join(WORK, source.file), source.audio));
  }
  const server = await startServer(BINARY, pushes.map(channelText).join(''), path.join(WORK, 'server.log'));
  try {
    // All at once, for they take their time; then few at a time, for they take the machine's.
    const arrived = new Map(pushes.map((push) => [push, attempt(() => pushed(server, push).then(() => null))]));
    const waiting = [...pushes];
    const worker = async () => {
      for (let push = waiting.shift(); push; push = waiting.shift()) {
        const failure = await arrived.get(push);
        if (failure) say(`push of ${push.source.name} by ${push.form}`, failure);
        else {
          for (const [name, act] of cases(server, push, references.get(push.source))) say(name, await attempt(act));
        }
        await rm(path.join(WORK, push.channel), { recursive: true, force: true });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  } finally {
    await server.stop();
  }
  const passed = words.filter((word) => word === 'ok').length;
  console.log(`${passed} passed, ${words.length - passed} failed`);
  return passed === words.length ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
