#!/usr/bin/env node
// Starts the server and encoders, plays every case, prints a line for each and
// `N passed, M failed` last. A control that needs no server is played first; a case that fails is
// run once more, and one that fails twice while the control fails too is called starved: the
// machine was too busy to tell. That counts as failed.
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  CASES,
  PULLS,
  PUSHES,
  SEGMENT_PUSHES,
  channels,
  manifestPath,
  pulledUrl,
  pullingChannels,
  pushPath,
  pushTarget,
  soughtChannel,
} from './cases.mjs';
import { openBrowser } from './lib/browser.mjs';
import { makeControl, makePushes, push, pushAs, readFaults } from './lib/ffmpeg.mjs';
import { serveFiles } from './lib/files.mjs';
import { startObs } from './lib/obs.mjs';
import { outageFaults, startFaults } from './lib/outages.mjs';
import { seekFaults } from './lib/seek.mjs';
import { startDemo, startServer, untilThere } from './lib/server.mjs';
import { STARTUP_SECONDS, faults } from './lib/verdict.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const WORK = path.join(ROOT, 'target/e2e');
const BINARY = path.resolve(process.env.HEADWATER_BIN ?? path.join(ROOT, 'target/debug/headwater'));
const PLAY_SECONDS = 10;
// Until a stretch of the past has ended for good, and has left memory.
const PAST_SECONDS = 75;
const READ_SECONDS = 6;
const CONTROL_SECONDS = 5;
// Three segments of 2 s, a key frame to begin with, and a slow machine.
const FIRST_MANIFEST_SECONDS = 20;

const USAGE = `usage: run.mjs [--fast] [--only REGEX] [--list]
HEADWATER_BIN names the server's binary (target/debug/headwater). Logs and screenshots go to target/e2e.`;

function chosen() {
  const { values } = parseArgs({
    options: {
      fast: { type: 'boolean', default: false },
      only: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const wanted = new RegExp(values.only ?? '', 'i');
  const cases = CASES.filter(({ name, fast }) => (fast || !values.fast) && wanted.test(name));
  if (values.help) console.log(USAGE);
  if (values.list) for (const { name, fast } of cases) console.log(`${fast ? 'fast' : '    '} ${name}`);
  if (values.help || values.list) process.exit(0);
  if (cases.length === 0) throw new Error('no case has such a name');
  return cases;
}

const log = (name) => path.join(WORK, `${name}.log`);

// The static programme whose playing says that this machine can play at all.
async function prepareControl(browser) {
  const playlist = await makeControl(path.join(WORK, 'push/30.mp4'), WORK);
  const files = await serveFiles({ folder: WORK });
  return {
    async faults() {
      const question = { player: 'hls', url: files.origin + playlist, seconds: CONTROL_SECONDS };
      return faults(await browser.play(question), CONTROL_SECONDS);
    },
    close: files.close,
  };
}

// The server with its encoders, started when the first case needs them.
function lazyPushes() {
  let started = null;
  let begun = 0;
  const stops = [];
  async function begin() {
    const server = await startServer(BINARY, channels(path.join(ROOT, 'fixtures/demo/demo.mp4')), log('server'));
    stops.push(server.stop);
    begun = Date.now();
    for (const { channel, file } of PUSHES) {
      const url = server.addresses.ingest + pushPath(channel);
      stops.unshift(push(path.join(WORK, 'push', file), url, log(`push-${channel}`)).stop);
    }
    return server.addresses;
  }
  // Pushes of segments, begun by the first case that needs each.
  const segments = new Set();
  async function pushSegments(channel) {
    const one = SEGMENT_PUSHES.find((push) => push.channel === channel);
    if (!one || segments.has(channel)) return;
    segments.add(channel);
    const where = [path.join(WORK, 'push', one.file), pushTarget(await started, one)];
    const encoder =
      /^obs/.test(one.form)
        ? await startObs(...where, path.join(WORK, one.form), log(`push-${channel}`))
        : pushAs(one.form, ...where, log(`push-${channel}`));
    stops.unshift(encoder.stop);
  }
  // The server that pulls, once there is something to pull.
  let pulling = null;
  async function beginPulling() {
    const { egress } = await (started ??= begin());
    for (const pull of PULLS) await untilThere(pulledUrl(egress, pull), FIRST_MANIFEST_SECONDS);
    const server = await startServer(BINARY, pullingChannels(egress), log('server-pulling'));
    stops.unshift(server.stop);
    return server.addresses;
  }
  const serving = (channel) =>
    PULLS.some((pull) => pull.channel === channel) ? (pulling ??= beginPulling()) : (started ??= begin());
  return {
    // When the encoders began, Unix seconds, once that is long enough ago to be asked for.
    async longAgo() {
      await (started ??= begin());
      await new Promise((resolve) => setTimeout(resolve, begun + PAST_SECONDS * 1000 - Date.now()));
      return Math.ceil(begun / 1000);
    },
    async url({ channel, endpoint, extension }) {
      const { egress } = await serving(channel);
      const url = egress + manifestPath(channel, endpoint, extension);
      await pushSegments(channel);
      await untilThere(url, FIRST_MANIFEST_SECONDS);
      return url;
    },
    // Where a case pushes by itself.
    async pushUrl(channel) {
      const { ingest } = await (started ??= begin());
      return ingest + pushPath(channel);
    },
    async stop() {
      for (const stop of stops) await stop();
    },
  };
}

// Players on our page leave no request unanswered or refused when the server keeps its word.
const refused = ({ requests }) => requests.failing.map((what) => `a request failed: ${what}`);

const about = ({ startupMs, stalledMs, latency, requests }) =>
  `start ${startupMs} ms, stalled ${stalledMs} ms, latency ${latency ?? '–'} s, ${requests.total} requests`;

// Each kind of case: the reasons it failed, and a word on how it went.
const KINDS = {
  async page({ expect }, { browser }) {
    const demo = await startDemo(BINARY, log('demo'));
    try {
      const seen = await browser.visit({
        url: `${demo.addresses.page}/`,
        seconds: PLAY_SECONDS,
        screenshot: path.join(WORK, 'demo-page.png'),
        inspect: () => document.getElementById('latency').textContent,
      });
      const reasons = [...faults(seen, PLAY_SECONDS), ...refused(seen), ...expect(seen), ...seen.console];
      return { reasons, words: `${about(seen)}, the page says ${seen.found}` };
    } finally {
      await demo.stop();
    }
  },
  async play({ expect = () => [], player, lowLatency, past, ...where }, { browser, pushes }) {
    const live = await pushes.url(where);
    const url = past ? `${live}?${past(await pushes.longAgo())}` : live;
    const seen = await browser.play({ player, url, seconds: PLAY_SECONDS, lowLatency });
    const reasons = [...faults(seen, PLAY_SECONDS), ...refused(seen), ...expect(seen), ...seen.console];
    return { reasons, words: about(seen) };
  },
  async outages({ channel, file, slate = false, watchers }, { browser, pushes }) {
    const source = { file: path.join(WORK, 'push', file), url: await pushes.pushUrl(channel) };
    const ownLog = log(`push-${channel}`);
    const encoder = push(source.file, source.url, ownLog);
    const watched = [];
    try {
      for (const { name, endpoint, extension, player, lowLatency } of watchers) {
        const url = await pushes.url({ channel, endpoint, extension });
        watched.push([name, await browser.watch({ player, url, lowLatency })]);
      }
      for (const [name, page] of watched) {
        const reasons = await startFaults(name, page, STARTUP_SECONDS);
        if (reasons.length > 0) return { reasons, words: '' };
      }
      return await outageFaults({ ...source, slate, log: ownLog, encoder, watched });
    } finally {
      await encoder.stop();
      for (const [, page] of watched) await page.close();
    }
  },
  async seek({ channel, file, watchers }, { browser }) {
    const server = await startServer(BINARY, soughtChannel(), log('server-seek'));
    try {
      return await seekFaults({
        file: path.join(WORK, 'push', file),
        pushUrl: server.addresses.ingest + pushPath(channel),
        log: log('push-seek'),
        server,
        watchers,
        url: ({ endpoint, extension }) => server.addresses.egress + manifestPath(channel, endpoint, extension),
        browser,
      });
    } finally {
      await server.stop();
    }
  },
  async read(where, { pushes }) {
    return { reasons: await readFaults(await pushes.url(where), READ_SECONDS), words: `${READ_SECONDS} s` };
  },
};

async function attempt(one, context) {
  try {
    return await KINDS[one.kind](one, context);
  } catch (error) {
    return { reasons: [error.message], words: '' };
  }
}

// One case, to its final word: ok, failed or starved.
async function settle(one, context) {
  const first = await attempt(one, context);
  if (first.reasons.length === 0) return { word: 'ok', text: first.words };
  const second = await attempt(one, context);
  const before = `at first: ${first.reasons.join('; ')}`;
  if (second.reasons.length === 0) return { word: 'ok', text: `${second.words} (${before})` };
  const reasons = second.reasons.join('; ');
  const control = await context.control.faults().catch((error) => [error.message]);
  if (control.length > 0) return { word: 'starved', text: `${reasons} (the control: ${control.join('; ')})` };
  return { word: 'FAILED', text: `${reasons} (${before})` };
}

async function main() {
  const cases = chosen();
  await access(BINARY).catch(() => {
    throw new Error(`${BINARY} is not there: cargo build, or set HEADWATER_BIN`);
  });
  await mkdir(WORK, { recursive: true });
  await makePushes(path.join(WORK, 'push'));
  const browser = await openBrowser();
  const control = await prepareControl(browser);
  const pushes = lazyPushes();
  const words = [];
  try {
    const idle = await control.faults();
    console.log(idle.length === 0 ? 'control plays' : `control does not play: ${idle.join('; ')}`);
    for (const one of cases) {
      const { word, text } = await settle(one, { browser, control, pushes });
      words.push(word);
      console.log(`${word.padEnd(7)} ${one.name}: ${text}`);
    }
  } finally {
    await pushes.stop();
    await browser.close();
    control.close();
  }
  const passed = words.filter((word) => word === 'ok').length;
  const starved = words.filter((word) => word === 'starved').length;
  if (starved > 0) console.log(`${starved} starved: play them again on a quiet machine`);
  console.log(`${passed} passed, ${words.length - passed} failed`);
  return passed === words.length ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
