// ffmpeg as the encoder that pushes, as a reader of what comes out, and as the maker of fixtures.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, start } from './processes.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');

// Makes the programmes to push in `folder`, unless they are there.
export async function makePushes(folder) {
  const { code, stderr } = await run(path.join(ROOT, 'fixtures/push/make.sh'), [folder], 300);
  if (code !== 0) throw new Error(`fixtures/push/make.sh: ${code}: ${stderr.trim()}`);
}

// Pushes `file` round and round, in real time, as one endless MPEG-TS body to `url`.
// `offset` seconds are added to its timestamps.
export function push(file, url, log, offset = 0) {
  const args = ['-hide_banner', '-loglevel', 'warning', '-re', '-stream_loop', '-1', '-i', file];
  const times = offset === 0 ? [] : ['-output_ts_offset', String(offset)];
  return start('ffmpeg', [...args, '-c', 'copy', ...times, '-f', 'mpegts', '-method', 'PUT', url], { log });
}

const SEGMENTS = ['-method', 'PUT', '-window_size', '5', '-seg_duration', '2', '-dash_segment_type', 'mp4'];
const track = (moreFlags = '') => [
  ...['-c', 'copy', '-frag_duration', '500000', '-f', 'mp4', '-method', 'PUT'],
  ...['-movflags', `empty_moov+default_base_moof+cmaf${moreFlags}`],
];
// What is written to an input's folder, by its form.
const FORMS = {
  ts: (to) => ['-f', 'mpegts', '-method', 'PUT', `${to}/live.ts`],
  hls: (to) => ['-f', 'hls', '-method', 'PUT', '-hls_time', '2', `${to}/live.m3u8`],
  'hls-fmp4': (to) => ['-f', 'hls', '-method', 'PUT', '-hls_time', '2', '-hls_segment_type', 'fmp4', `${to}/live.m3u8`],
  dash: (to) => ['-f', 'dash', ...SEGMENTS, `${to}/live.mpd`],
  // Without a clock of its own it makes no low-latency MPD; nobody need answer there.
  ldash: (to) => [
    ...['-f', 'dash', ...SEGMENTS, '-streaming', '1', '-ldash', '1', '-frag_type', 'duration', '-frag_duration', '0.5'],
    ...['-utc_timing_url', `${to}/time`, `${to}/live.mpd`],
  ],
  cmaf: (to) => [
    ...['-map', '0:v', ...track(), `${to}/Streams(v.cmfv)`],
    ...['-map', '0:a', ...track(), `${to}/Streams(a.cmfa)`],
  ],
  rtmp: (to) => ['-f', 'flv', to],
  // Its headers come with the first fragments: AC-3 is not described before.
  'cmaf-late': (to) => [
    ...['-map', '0:v', ...track('+delay_moov'), `${to}/Streams(v.cmfv)`],
    ...['-map', '0:a', ...track('+delay_moov'), `${to}/Streams(a.cmfa)`],
  ],
};

// Pushes `file` round and round, in real time, in the form of that name to the input at `folder`.
export function pushAs(form, file, folder, log) {
  const args = ['-hide_banner', '-loglevel', 'warning', '-re', '-stream_loop', '-1', '-i', file];
  return start('ffmpeg', [...args, '-c', 'copy', ...FORMS[form](folder)], { log });
}

// Publishes `file` once by enhanced RTMP, in real time, and waits for its end.
export async function publishOnce(file, url, seconds) {
  const { code, stderr } = await run(path.join(ROOT, 'tests/e2e/publisher/publish'), [file, url], seconds);
  if (code !== 0) throw new Error(`the publisher ended with ${code}: ${stderr.trim().split('\n').at(-1)}`);
}

// Pushes `file` once in that form, in real time unless told otherwise, and waits for its end.
export async function pushOnce(form, file, folder, { seconds, realTime }) {
  const args = ['-nostdin', '-hide_banner', '-loglevel', 'error', ...(realTime ? ['-re'] : []), '-i', file];
  const { code, stderr } = await run('ffmpeg', [...args, '-c', 'copy', ...FORMS[form](folder)], seconds);
  if (code !== 0) throw new Error(`the push ended with ${code}: ${stderr.trim().split('\n').at(-1)}`);
}

// Reads `seconds` of `url` as it is. Returns the reasons why that did not go well.
export async function readFaults(url, seconds) {
  const nearTheEdge = /\.m3u8/.test(url) ? ['-live_start_index', '-3'] : [];
  const args = ['-hide_banner', '-nostdin', '-v', 'warning', ...nearTheEdge, '-i', url];
  const sink = ['-t', String(seconds), '-map', '0', '-c', 'copy', '-progress', 'pipe:1', '-f', 'null', '-'];
  const { code, stdout, stderr } = await run('ffmpeg', [...args, ...sink], seconds + 40);
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const reasons = [];
  if (code !== 0) reasons.push(`ffmpeg ended with ${code}: ${lines.at(-1) ?? 'no word'}`);
  const bad = lines.filter((line) => /packet corrupt|non.monoton|invalid (nal|data)|error/i.test(line));
  if (bad.length > 0) reasons.push(`ffmpeg said: ${bad[0]}${bad.length > 1 ? ` (and ${bad.length - 1} more)` : ''}`);
  const times = [...stdout.matchAll(/out_time_us=(\d+)/g)].map(([, us]) => Number(us) / 1e6);
  const read = Math.max(0, ...times);
  if (read < seconds - 1) reasons.push(`ffmpeg read ${read} s of ${seconds} s`);
  return reasons;
}

// A static HLS list of `file` in `folder`, for the control; returns its path within the folder.
export async function makeControl(file, folder) {
  const cut = ['-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4'];
  const args = ['-hide_banner', '-loglevel', 'error', '-y', '-i', file, '-map', '0:v:0', '-map', '0:a:0'];
  const { code, stderr } = await run('ffmpeg', [...args, '-c', 'copy', ...cut, path.join(folder, 'control.m3u8')], 60);
  if (code !== 0) throw new Error(`the control could not be made: ${stderr.trim()}`);
  return '/control.m3u8';
}
