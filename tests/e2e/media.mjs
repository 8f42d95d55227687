#!/usr/bin/env node
// Pushes foreign media to one server, each into a channel of its own: every file of DIR/ts and
// DIR/fuzz as a body, whatever it holds, and, as far as they are there, DIR/ingest-livesim2,
// DIR/cmaf-livesim2, DIR/moqlivemock, DIR/mp4 and DIR/flv by every other input they fit. Prints a line
// for each that is not taken well and for each that should play, and `N passed, M failed` last.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerFaults, put } from './lib/bodies.mjs';
import { healthFaults, outcome, probe } from './lib/came.mjs';
import { foreignTasks } from './lib/foreign.mjs';
import { filesBelow } from './lib/presentations.mjs';
import { startServer } from './lib/server.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const WORK = path.join(ROOT, 'target/e2e');
const BINARY = path.resolve(process.env.HEADWATER_BIN ?? path.join(ROOT, 'target/debug/headwater'));
const AT_A_TIME = 4;
// Media this long must come out, or the status must say why it does not.
const PLAYABLE_SECONDS = 4;
// A push of segments has gone after the loss of its input and a segment and a half: its last media
// comes out then.
const GONE_SECONDS = 20;

const USAGE = 'usage: media.mjs DIR, a folder with ts/ and fuzz/';

const channel = (name) =>
  `[[channel]]\ngroup = "media"\nname = "${name}"\n[[channel.endpoint]]\nname = "main"\n` +
  'protocol = "HLSDASH_CMAF"\nopen = true\nsegment_duration = "2s"\n';

// A body to the path of a transport stream.
const bodyTask = (folder, file) => ({
  shown: path.relative(folder, file),
  patience: 0,
  push: async (to) => [await put(`${to}/live.ts`, await readFile(file))],
});

// One of DIR/ts, which should play.
async function mediaTask(folder, file) {
  const { seconds, carried } = await probe(file);
  return { ...bodyTask(folder, file), isMedia: true, plays: carried && seconds >= PLAYABLE_SECONDS };
}

async function allTasks(folder) {
  const media = await Promise.all((await filesBelow(path.join(folder, 'ts'))).map((file) => mediaTask(folder, file)));
  const fuzz = (await filesBelow(path.join(folder, 'fuzz'))).map((file) => bodyTask(folder, file));
  if (media.length + fuzz.length === 0) throw new Error(`${folder} has neither ts/ nor fuzz/`);
  const foreign = await foreignTasks(folder);
  const others = foreign.map((task) => ({ patience: GONE_SECONDS, isMedia: true, plays: true, ...task }));
  return [...media, ...fuzz, ...others].map((task, at) => ({ ...task, name: `c${at}` }));
}

// The answers as words: how many of each.
function told(answers) {
  const counts = new Map();
  for (const { status, text } of answers) {
    const words = `${status} ${text}`.trim();
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  return [...counts].map(([words, count]) => (count > 1 ? `${count} × ${words}` : words)).join(', ');
}

async function one(server, { name, push, plays, patience }) {
  const answers = await push(`${server.addresses.ingest}/v1/media/1/${name}`);
  const reasons = answers.filter(({ status }) => typeof status === 'number').flatMap(answerFaults);
  const words = [told(answers)];
  if (plays) {
    const came = await outcome(server, name, patience);
    reasons.push(...came.reasons);
    words.push(came.words);
  }
  reasons.push(...(await healthFaults(server)));
  return { reasons, words: words.filter((word) => word !== '').join(', ') };
}

async function main(folder) {
  await mkdir(WORK, { recursive: true });
  const tasks = await allTasks(folder);
  const server = await startServer(BINARY, tasks.map(({ name }) => channel(name)).join(''), path.join(WORK, 'server-media.log'));
  let died = null;
  server.exited.then((code) => (died ??= code));
  const waiting = [...tasks];
  let passed = 0;
  async function worker() {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { reasons, words } = await one(server, next).catch((error) => ({ reasons: [error.message], words: '' }));
      if (died !== null) reasons.push(`the server ended with ${died}`);
      if (reasons.length === 0) passed += 1;
      if (reasons.length > 0) console.log(`FAILED ${next.shown}: ${reasons.join('; ')}`);
      else if (next.isMedia) console.log(`ok     ${next.shown}: ${words}`);
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  } finally {
    await server.stop();
  }
  console.log(`${passed} passed, ${tasks.length - passed} failed`);
  return passed === tasks.length ? 0 : 1;
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
