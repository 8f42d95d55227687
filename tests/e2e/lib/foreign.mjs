// Foreign media by every input it fits: what is pushed of it, as tasks
//   { shown, push }
// `push(folder)` sends it to an input's folder and gives the answers.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { put } from './bodies.mjs';
import { bodiesOf, dashPresentations, filesBelow, presentations } from './presentations.mjs';
import { run } from './processes.mjs';

const SEGMENT_SECONDS = 2;
const ENCODER_SECONDS = 60;

// Several bodies, one after the other.
async function inTurn(puts) {
  const answers = [];
  for (const [url, body, how] of puts) answers.push(await put(url, body, how));
  return answers;
}

// How the tracks of a presentation go to a folder: what each of their bodies is put to, and how.
const CMAF = {
  'a request a segment': (folder, { name }, bodies) =>
    inTurn(bodies.map((body) => [`${folder}/Streams(${name})`, body])),
  'a request a segment, with its length': (folder, { name }, bodies) =>
    inTurn(bodies.map((body, n) => [`${folder}/${name}/${n === 0 ? 'init.mp4' : `${n}.m4s`}`, body, { length: true }])),
  'one request a track': (folder, { name }, bodies) =>
    inTurn([[`${folder}/Streams(${name})`, Buffer.concat(bodies)]]),
};

// CMAF ingest: all tracks at once, each in its own order.
const cmaf = ({ name, tracks }) =>
  Object.entries(CMAF).map(([how, send]) => ({
    shown: `${name}, CMAF, ${how}`,
      async push(folder) {
      const all = await Promise.all(tracks.map(async (track) => send(folder, track, await bodiesOf(track))));
      return all.flat();
    },
  }));

// A DASH push: headers, an MPD that says live, segments as their numbers come, and the MPD as it is.
const dash = ({ name, mpd, home, headers, segments }) => ({
  shown: `${name}, DASH`,
  async push(folder) {
    const to = (file) => `${folder}/${path.relative(home, file)}`;
    const read = async (file) => [to(file), await readFile(file)];
    const [url, text] = await read(mpd);
    const live = Buffer.from(text.toString().replace('type="static"', 'type="dynamic"'));
    const before = await Promise.all(headers.map(read));
    const media = await Promise.all(segments.map(read));
    return inTurn([...before, [url, live], ...media, [url, text]]);
  },
});

// Whole files whose tracks are in fragments: all at once.
const wholes = (name, files) => ({
  shown: `${name}, CMAF, one request a track`,
  push: (folder) =>
    Promise.all(files.map(async (file) => put(`${folder}/Streams(${path.parse(file).name})`, await readFile(file)))),
});

const REMUXED = {
  'transport stream': (folder) => ['-f', 'mpegts', '-method', 'PUT', `${folder}/live.ts`],
  HLS: (folder) => ['-f', 'hls', '-method', 'PUT', '-hls_time', String(SEGMENT_SECONDS), `${folder}/live.m3u8`],
  DASH: (folder) => ['-f', 'dash', '-method', 'PUT', '-seg_duration', String(SEGMENT_SECONDS), `${folder}/live.mpd`],
};

// What ffmpeg makes of a file. It is not told what it is answered; what it does not remux is no
// fault of the server's.
const remuxed = (shown, file) =>
  Object.entries(REMUXED).map(([form, output]) => ({
    shown: `${shown}, remuxed, ${form}`,
    async push(folder) {
      const args = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-i', file, '-map', '0:v?', '-map', '0:a?'];
      const { code, stderr } = await run('ffmpeg', [...args, '-c', 'copy', ...output(folder)], ENCODER_SECONDS);
      if (code === 'timeout') throw new Error(`ffmpeg was not done within ${ENCODER_SECONDS} s`);
      return code === 0 ? [] : [{ status: 'ffmpeg', text: stderr.trim().split('\n').at(-1) }];
    },
  }));

async function files(folder, name) {
  const tasks = [];
  for (const file of await filesBelow(path.join(folder, name))) {
    const shown = path.relative(folder, file);
    if (file.endsWith('.mp4')) tasks.push(wholes(shown, [file]));
    tasks.push(...remuxed(shown, file));
  }
  return tasks;
}

// Everything of DIR that goes in by another input than an MPEG-TS body.
export async function foreignTasks(folder) {
  const tasks = [];
  for (const name of ['ingest-livesim2', 'cmaf-livesim2']) {
    const below = path.join(folder, name);
    tasks.push(...(await presentations(below)).flatMap(cmaf), ...(await dashPresentations(below)).map(dash));
  }
  const rungs = await filesBelow(path.join(folder, 'moqlivemock'));
  if (rungs.length > 0) tasks.push(wholes('moqlivemock', rungs));
  const avc = rungs.filter((file) => /avc|monotonic/.test(file));
  if (avc.length > 0) tasks.push(wholes('moqlivemock, of one coding', avc));
  tasks.push(...(await files(folder, 'mp4')), ...(await files(folder, 'flv')));
  return tasks;
}
