#!/usr/bin/env node
// Plays one URL in one player in a headless Chromium and says how it went. Exit code 0 when it
// played, 1 when it did not, 2 when the question was wrong.
import { parseArgs } from 'node:util';
import { openBrowser } from './lib/browser.mjs';
import { faults } from './lib/verdict.mjs';

const USAGE = `usage: play.mjs --player hls|dash|shaka|native --url URL [--seconds 10] [--low-latency]
                [--header 'Name: value']... [--screenshot FILE.png] [--json]
Played means: a first frame within 15 s, then --seconds of media with at most one rebuffering, one
second stalled in all, one second skipped and no fatal error. --json prints all that was seen.`;

function asked() {
  const { values } = parseArgs({
    options: {
      player: { type: 'string' },
      url: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      'low-latency': { type: 'boolean', default: false },
      header: { type: 'string', multiple: true, default: [] },
      screenshot: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  if (!['hls', 'dash', 'shaka', 'native'].includes(values.player)) throw new Error('which --player?');
  if (!URL.canParse(values.url ?? '')) throw new Error('which --url?');
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error('--seconds is a number above 0');
  const headers = values.header.map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`no colon in --header ${line}`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  return {
    json: values.json,
    player: values.player,
    url: values.url,
    seconds,
    lowLatency: values['low-latency'],
    headers: Object.fromEntries(headers),
    screenshot: values.screenshot,
  };
}

let question;
try {
  question = asked();
} catch (error) {
  console.error(`${error.message}\n${USAGE}`);
  process.exit(2);
}
const browser = await openBrowser();
let seen;
let reasons;
try {
  seen = await browser.play(question);
  reasons = faults(seen, question.seconds);
} catch (error) {
  reasons = [error.message];
} finally {
  await browser.close();
}
if (question.json) {
  console.log(JSON.stringify({ ok: reasons.length === 0, reasons, chromium: browser.version, ...seen }, null, 1));
} else {
  console.log(reasons.length === 0 ? 'played' : `not played: ${reasons.join('; ')}`);
  if (seen) {
    const { advanced, startupMs, stalls, latency, levels, extra, requests, notes } = seen;
    console.log(`  ${advanced} s of media, started after ${startupMs} ms, ${stalls.length} stalls, latency ${latency} s`);
    console.log(`  levels ${JSON.stringify(levels)}`);
    console.log(`  ${JSON.stringify(extra)}`);
    console.log(`  requests ${requests.total} ${JSON.stringify(requests.byStatus)}, parts ${requests.parts}`);
    for (const line of [...requests.failing, ...notes]) console.log(`  ${line}`);
  }
}
process.exit(reasons.length === 0 ? 0 : 1);
