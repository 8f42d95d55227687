// What befalls an encoder while players watch: it ends, is away for `down` seconds, and comes back
// with timestamps from `offset` on. Five of them, in this order.
import { push } from './ffmpeg.mjs';

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// 33-bit times of 90 kHz wrap after 95,443.7 s: here 5 s after the encoder is back.
const BEFORE_THE_WRAP = 95_438;

const OUTAGES = [
  { name: 'killed and back at once at 0', kill: true, down: 0.2, offset: 0 },
  { name: 'stopped for 3 s', kill: false, down: 3, offset: 0 },
  { name: 'killed and back an hour later on its clock', kill: true, down: 1, offset: 3600 },
  { name: 'away for 8 s', kill: true, down: 8, offset: 0 },
  { name: 'back before its clock wraps', kill: true, down: 1, offset: BEFORE_THE_WRAP },
];

// The same of a channel with a slate, which plays meanwhile.
const BEHIND_A_SLATE = [
  { name: 'away for 20 s', kill: true, down: 20, offset: 0, slate: true },
  { name: 'stopped for 12 s and back on another clock', kill: false, down: 12, offset: 7200, slate: true },
];

// Goes on: of the last 4 s so much has played, and all of that came after the outage. dash.js waits
// before a hole as long as the hole is, once it knows what comes behind it.
const WINDOW_SECONDS = 4;
const MOVING_SECONDS = 3;
const PATIENCE_SECONDS = 20;

const goesOn = ({ advanced, latency }, seconds) =>
  advanced >= MOVING_SECONDS && latency !== null && latency + WINDOW_SECONDS < seconds;

// Waits until all play what came after the outage. Gives { reasons, took: seconds of each }.
async function settled(watched, outage) {
  const back = Date.now();
  const waiting = new Map(watched);
  const took = new Map();
  const reasons = [];
  while (waiting.size > 0) {
    await sleep(0.5);
    const seconds = (Date.now() - back) / 1000;
    for (const [player, page] of [...waiting]) {
      const motion = await page.motion(WINDOW_SECONDS);
      const { advanced, latency, errors, notes, state } = motion;
      if (errors.length === 0 && goesOn(motion, seconds)) took.set(player, seconds - WINDOW_SECONDS);
      else if (errors.length > 0) reasons.push(`${player}, ${outage.name}: ${errors.join(', ')}`);
      else if (seconds > PATIENCE_SECONDS + outage.down * 2) {
        const last = notes.slice(-2).join(', ');
        reasons.push(`${player}, ${outage.name}: ${advanced} of ${WINDOW_SECONDS} s played, ${latency} s behind (${state}; ${last})`);
      } else continue;
      waiting.delete(player);
    }
  }
  return { reasons, took: watched.map(([player]) => took.get(player)?.toFixed(1) ?? '–') };
}

// The reasons why a player does not play the slate.
async function slateFaults(watched, { name, down }) {
  const reasons = [];
  for (const [player, page] of watched) {
    const { advanced, errors, state } = await page.motion(WINDOW_SECONDS);
    if (errors.length > 0) reasons.push(`${player}, ${name}: ${errors.join(', ')}`);
    else if (advanced < MOVING_SECONDS) reasons.push(`${player}, ${name}: ${advanced} of ${WINDOW_SECONDS} s of slate played after ${down} s (${state})`);
  }
  return reasons;
}

// Plays `file` to `url` through the outages, of a channel that has a slate or of one without;
// `watched` are [name, page] pairs. Gives the reasons why
// a player did not go on, and after how many seconds each did, by outage.
export async function outageFaults({ file, url, log, slate, encoder: first, watched }) {
  const reasons = [];
  const words = [];
  let encoder = first;
  try {
    for (const [at, outage] of (slate ? BEHIND_A_SLATE : OUTAGES).entries()) {
      await (outage.kill ? encoder.kill() : encoder.stop());
      await sleep(outage.down);
      if (outage.slate) reasons.push(...(await slateFaults(watched, outage)));
      encoder = push(file, url, log.replace('.log', `-${at}.log`), outage.offset);
      const went = await settled(watched, outage);
      reasons.push(...went.reasons);
      words.push(went.took.join('/'));
    }
  } finally {
    await encoder.stop();
  }
  return { reasons, words: `on after ${words.join(', ')} s` };
}

// Waits until a page plays; gives the reasons why it does not.
export async function startFaults(player, page, seconds) {
  for (let waited = 0; waited < seconds; waited += 0.5) {
    const { advanced, errors } = await page.motion(2);
    if (errors.length > 0) return [`${player}: ${errors.join(', ')}`];
    if (advanced > 1) return [];
    await sleep(0.5);
  }
  return [`${player} did not start within ${seconds} s`];
}
