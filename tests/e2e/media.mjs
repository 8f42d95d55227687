#!/usr/bin/env node
// Pushes foreign media to one server: every file of DIR/ts and DIR/fuzz, each as a body to a channel
// of its own, whatever it holds. Prints a line for each that is not taken well and for each of
// DIR/ts, and `N passed, M failed` last.
import { mkdir, readdir, readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFaults } from './lib/ffmpeg.mjs';
import { run } from './lib/processes.mjs';
import { startServer } from './lib/server.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const WORK = path.join(ROOT, 'target/e2e');
const BINARY = path.resolve(process.env.HEADWATER_BIN ?? path.join(ROOT, 'target/debug/headwater'));
const ANSWER_SECONDS = 20;
const AT_A_TIME = 4;
// Media this long must come out, or the status must say why it does not.
const PLAYABLE_SECONDS = 4;
const READ_SECONDS = 3;

const USAGE = 'usage: media.mjs DIR, a folder with ts/ and fuzz/';

async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.join(entry.parentPath ?? entry.path, entry.name)).sort();
}

const channel = (name) =>
  `[[channel]]\ngroup = "media"\nname = "${name}"\n[[channel.endpoint]]\nname = "main"\n` +
  'protocol = "HLSDASH_CMAF"\nopen = true\nsegment_duration = "2s"\n';

// PUTs `body`; gives { status, text }. An answer may come before the body is all sent.
function put(url, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'PUT', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more) => (text += more));
      response.on('end', () => resolve({ status: response.statusCode, text: text.trim() }));
      response.on('error', reject);
    });
    const late = new Error(`no answer within ${ANSWER_SECONDS} s`);
    request.setTimeout(ANSWER_SECONDS * 1000, () => request.destroy(late));
    request.on('error', reject);
    // A length that is not said: as encoders push.
    request.setHeader('transfer-encoding', 'chunked');
    request.end(body);
  });
}

// The reasons why this is no answer to an encoder.
function answerFaults({ status, text }) {
  if (status === 200) return [];
  if (status < 400 || status > 499) return [`was answered ${status}: ${text}`];
  return text.split(/\s+/).length < 4 ? [`was answered ${status} without a sentence: ${text}`] : [];
}

async function text(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  return { status: answer.status, text: await answer.text() };
}

// The reasons why the server as a whole is not well.
async function healthFaults(server) {
  const reasons = [];
  const health = await text(`${server.addresses.admin}/healthz`).catch((error) => ({ status: error.message }));
  if (health.status !== 200) reasons.push(`/healthz answers ${health.status}`);
  const metrics = await text(`${server.addresses.admin}/metrics`).catch(() => ({ text: '' }));
  const panics = [...metrics.text.matchAll(/^\w*panics_total\S* (\S+)/gm)].filter(([, n]) => Number(n) > 0);
  return [...reasons, ...panics.map(([line]) => line)];
}

const CARRIED = ['h264', 'hevc', 'aac', 'ac3', 'eac3', 'mp3'];

// What ffprobe finds: { seconds, carried }; carried where a codec is in it that is.
async function probe(file) {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name:format=duration', '-of', 'json', file];
  const { stdout } = await run('ffprobe', args, 20);
  const { streams = [], format = {} } = JSON.parse(stdout || '{}');
  const carried = streams.some(({ codec_name: codec }) => CARRIED.includes(codec));
  return { seconds: Number(format.duration ?? 0), carried };
}

// The reasons why long enough media came to nothing and nobody is told; and a word on it.
async function outcome(server, name) {
  const url = `${server.addresses.egress}/v1/media/1/${name}/manifest.m3u8`;
  const list = await text(url);
  if (list.status === 200) return { reasons: await readFaults(url, READ_SECONDS), words: 'it plays' };
  const { channels } = JSON.parse((await text(`${server.addresses.admin}/status`)).text);
  const { says, notes } = channels.find((one) => one.channel === name);
  const words = `its playlist is answered ${list.status}, the status says: ${[says, ...notes].join('; ')}`;
  // The notes are of what the source gets wrong; why nothing plays is the sentence's to say.
  const silent = /no encoder has come|gathers its first|^plays (?!nothing)/.test(says);
  return { reasons: silent ? [words] : [], words };
}

async function one(server, { file, name, isMedia }) {
  const url = `${server.addresses.ingest}/v1/media/1/${name}/live.ts`;
  const answer = await put(url, await readFile(file));
  const reasons = answerFaults(answer);
  let words = `${answer.status} ${answer.text}`.trim();
  if (isMedia) {
    const { seconds, carried } = await probe(file);
    if (carried && seconds >= PLAYABLE_SECONDS) {
      const came = await outcome(server, name);
      reasons.push(...came.reasons);
      words += `, ${came.words}`;
    }
  }
  reasons.push(...(await healthFaults(server)));
  return { reasons, words };
}

async function main(folder) {
  const media = await filesBelow(path.join(folder, 'ts'));
  const fuzz = await filesBelow(path.join(folder, 'fuzz'));
  const bodies = [...media, ...fuzz].map((file, at) => ({ file, name: `c${at}`, isMedia: at < media.length }));
  await mkdir(WORK, { recursive: true });
  const names = bodies.map(({ name }) => name);
  const server = await startServer(BINARY, names.map(channel).join(''), path.join(WORK, 'server-media.log'));
  let died = null;
  server.exited.then((code) => (died ??= code));
  const waiting = [...bodies];
  let passed = 0;
  async function worker() {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { reasons, words } = await one(server, next).catch((error) => ({ reasons: [error.message], words: '' }));
      if (died !== null) reasons.push(`the server ended with ${died}`);
      if (reasons.length === 0) passed += 1;
      const shown = path.relative(folder, next.file);
      if (reasons.length > 0) console.log(`FAILED ${shown}: ${reasons.join('; ')}`);
      else if (next.isMedia) console.log(`ok     ${shown}: ${words}`);
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  } finally {
    await server.stop();
  }
  console.log(`${passed} passed, ${bodies.length - passed} failed`);
  return passed === bodies.length ? 0 : 1;
}

if (process.argv.length !== 3) {
  console.error(USAGE);
  process.exit(2);
}
try {
  process.exit(await main(path.resolve(process.argv[2])));
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
