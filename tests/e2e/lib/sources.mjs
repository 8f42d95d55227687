// The sources whose frames are followed through the server: SECONDS of small pictures that all differ
// and of noise, so that no two frames are alike; closed GOPs of a second.
import { rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from './processes.mjs';

export const SECONDS = 12;
const RATE = 25;

const x264 = (more = '') =>
  `-c:v libx264 -preset veryfast -profile:v main -bf 2 -sc_threshold 0 -flags +cgop ${more}`.trim().split(/\s+/);
const X265 = 'log-level=error:info=0:keyint=25:min-keyint=25:scenecut=0:open-gop=0:bframes=3';
const VIDEO = {
  h264: x264(),
  hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1', '-x265-params', X265],
  av1: ['-c:v', 'libsvtav1', '-preset', '12', '-svtav1-params', 'keyint=25:scd=0'],
};
// Noise that a decoder makes up depends on what it made up before: AAC has none of it here.
const AUDIO = {
  aac: ['-c:a', 'aac', '-b:a', '64k', '-aac_pns', '0'],
  ac3: ['-c:a', 'ac3', '-b:a', '96k'],
  eac3: ['-c:a', 'eac3', '-b:a', '96k'],
  mp3: ['-c:a', 'libmp3lame', '-b:a', '64k'],
  opus: ['-c:a', 'libopus', '-b:a', '64k'],
};

// The frames at a run's start that depend on frames before it: an overlap, MP3's reservoir of bits,
// Opus's filters that go on for a second.
export const WARM_UP = { aac: 2, ac3: 2, eac3: 2, mp3: 5, opus: 60 };

// Sources of one setting, by their codecs.
const PLAIN = ['h264 aac', 'hevc ac3', 'h264 eac3', 'h264 mp3', 'av1 opus'].map((codecs) => {
  const [video, audio] = codecs.split(' ');
  return { name: `${video}-${audio}`, file: `${video}-${audio}.mp4`, video, audio };
});
// H.264 whose parameter sets change from piece to piece, [settings of x264, seconds]: the size; the
// SPS's reference frames and the PPS's entropy coding; every second what only the PPS says.
const REFERENCES = ['2:cabac=1', '4:cabac=0'].map((more) => `-x264-params b-pyramid=none:ref=${more}`);
const QUANTIZERS = [0, 4].map((offset) => `-x264-params chroma-qp-offset=${offset}`);
const CHANGING = [
  { name: 'sizes', pieces: [['-s 160x90', 6], ['-s 192x108', 6]] },
  { name: 'settings', pieces: REFERENCES.map((settings) => [settings, 6]) },
  { name: 'pps', pieces: [5, 1, 1, 1, 1, 1, 1, 1].map((seconds, at) => [QUANTIZERS[at % 2], seconds]) },
].map((one) => ({ ...one, file: `${one.name}.ts`, video: 'h264', audio: 'aac' }));

export const SOURCES = [...PLAIN, ...CHANGING];

async function ffmpeg(...args) {
  const { code, stderr } = await run('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', ...args], 120);
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${code}: ${stderr.trim()}`);
}

const picture = (from, seconds) => {
  const cut = `trim=start=${from}:duration=${seconds},setpts=PTS-STARTPTS`;
  return ['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=${RATE}:duration=${SECONDS},${cut},format=yuv420p`];
};
const NOISE = ['-f', 'lavfi', '-i', `anoisesrc=sample_rate=48000:amplitude=0.3:seed=1:duration=${SECONDS}`];
const GOP = ['-g', String(RATE), '-keyint_min', String(RATE)];

async function makePlain({ video, audio }, to) {
  const codecs = [...VIDEO[video], ...GOP, '-b:v', '100k', ...AUDIO[audio], '-ac', '2'];
  await ffmpeg(...picture(0, SECONDS), ...NOISE, ...codecs, '-f', 'mp4', to);
}

// The pieces one after the other, with sound that knows nothing of them. Each has its parameter sets
// before every key frame, as transport streams do.
async function makeChanging({ pieces }, to) {
  const list = [];
  let from = 0;
  for (const [at, [settings, seconds]] of pieces.entries()) {
    const piece = `${to}.${at}.ts`;
    await ffmpeg(...picture(from, seconds), ...x264(settings), ...GOP, '-b:v', '100k', '-f', 'mpegts', piece);
    list.push(`file '${piece}'\nduration ${seconds}\n`);
    from += seconds;
  }
  await writeFile(`${to}.txt`, list.join(''));
  const inputs = ['-f', 'concat', '-safe', '0', '-i', `${to}.txt`, ...NOISE];
  await ffmpeg(...inputs, '-c:v', 'copy', ...AUDIO.aac, '-ac', '2', '-f', 'mpegts', to);
}

// Makes the sources in `folder`, unless they are there.
export async function makeSources(folder) {
  for (const source of SOURCES) {
    const file = path.join(folder, source.file);
    if (await stat(file).catch(() => null)) continue;
    const unfinished = path.join(folder, `making-${source.file}`);
    await (source.pieces ? makeChanging : makePlain)(source, unfinished);
    await rename(unfinished, file);
  }
}
