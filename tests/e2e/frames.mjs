#!/usr/bin/env node
// Follows frames through the server: every codec in every form it is pushed in, to every output that
// carries it. What an output decodes to must be the source's frames, each once and in order; transport
// stream segments must be whole by themselves, whatever order they are asked for in, and one stream
// together. Prints a line for each and `N passed, M failed` last.
import { access, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { publishOnce, pushOnce } from './lib/ffmpeg.mjs';
import { followed } from './lib/follow.mjs';
import { decode } from './lib/frames.mjs';
import { listedSeconds } from './lib/outputs.mjs';
import { PUSHES, channelText, manifestPath, publishPath, pushFolder } from './lib/routes.mjs';
import { unnoticed } from './lib/sabotage.mjs';
import { startServer, untilThere } from './lib/server.mjs';
import { SECONDS, SOURCES, makeSources } from './lib/sources.mjs';
import { hasDoctor } from './lib/transport.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const WORK = path.join(ROOT, 'target/e2e/frames');
const BINARY = path.resolve(process.env.HEADWATER_BIN ?? path.join(ROOT, 'target/debug/headwater'));
const AT_A_TIME = 2;
const PUSH_SECONDS = 60;
// From the end of a push until all of it is listed.
const LISTED_SECONDS = 8;

const USAGE = `usage: frames.mjs [--only REGEX]
HEADWATER_BIN names the server's binary (target/debug/headwater). MEDIA_DOCTOR names media-doctor
(target/tools/bin/media-doctor). Sources, and what is fetched, go to target/e2e/frames.`;

// Pushes one source and waits until it is listed; what is not, the checks tell.
async function pushed(server, push) {
  const file = path.join(WORK, push.source.file);
  const { ingest, publish } = server.addresses;
  if (push.form === 'rtmp') await publishOnce(file, publish + publishPath(push), PUSH_SECONDS);
  else {
    // Segments come with requests of their own, and only time tells which tracks belong together.
    const realTime = push.form !== 'ts';
    await pushOnce(push.form, file, ingest + pushFolder(push), { seconds: PUSH_SECONDS, realTime });
  }
  const first = server.addresses.egress + manifestPath(push, 0);
  await untilThere(first, LISTED_SECONDS);
  const end = Date.now() + LISTED_SECONDS * 1000;
  while ((await listedSeconds(first)) < SECONDS - 0.1 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
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
  const transport = path.join(WORK, SOURCES.find(({ pieces }) => pieces).file);
  say('harm done on purpose', { words: 'is noticed', reasons: await unnoticed(transport, WORK) });
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
          const what = { egress: server.addresses.egress, push, reference: references.get(push.source), work: WORK };
          for (const [name, act] of followed(what)) say(name, await attempt(act));
        }
        await rm(path.join(WORK, push.channel), { recursive: true, force: true });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  } finally {
    await server.stop();
  }
  if (!hasDoctor) console.log('not run: media-doctor (cargo install media-doctor --locked --root target/tools)');
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
