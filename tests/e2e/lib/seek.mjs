// Seeking back: over the restart of an encoder, and over that of the server.
import { push } from './ffmpeg.mjs';
import { startFaults } from './outages.mjs';
import { STARTUP_SECONDS } from './verdict.mjs';

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// How long each life of the encoder is; it is away between them, and with the second the server ends.
const LIVES_SECONDS = [30, 25, 20];
const AWAY_SECONDS = 3;

// From live into the second life, from there into the first, and to live again.
const SEEKS = [
  { name: 'back over the restart of the server', by: -30 },
  { name: 'back over that of the encoder', by: -30 },
  { name: 'forward to live', by: 60 },
];

// Plays there: of the last 4 s so much has played, at the distance from live that was asked for.
const WINDOW_SECONDS = 4;
const MOVING_SECONDS = 3;
const OFF_SECONDS = 15;
const PATIENCE_SECONDS = 25;

async function seekFaultsOf(player, page, { name, by }, wanted) {
  await page.seek(by);
  let motion;
  for (let waited = 0; waited < PATIENCE_SECONDS; waited += 0.5) {
    await sleep(0.5);
    motion = await page.motion(WINDOW_SECONDS);
    if (motion.errors.length > 0) return [`${player}, ${name}: ${motion.errors.join(', ')}`];
    const there = motion.latency !== null && Math.abs(motion.latency - wanted) < OFF_SECONDS;
    if (waited > WINDOW_SECONDS && there && motion.advanced >= MOVING_SECONDS) return [];
  }
  const { advanced, latency, notes, state } = motion;
  const last = notes.slice(-2).join(', ');
  return [`${player}, ${name}: ${advanced} of ${WINDOW_SECONDS} s played, ${latency} s behind live, not ${wanted} (${state}; ${last})`];
}

// The reasons why players do not seek as they wish. `server` can be started anew at its addresses, `url`
// gives that of a manifest; `watchers` are { name, player, … }.
export async function seekFaults({ file, pushUrl, log, server, watchers, url, browser }) {
  let encoder = null;
  const watched = [];
  try {
    for (const [life, seconds] of LIVES_SECONDS.entries()) {
      if (life === 2) await server.restart();
      encoder = push(file, pushUrl, log.replace('.log', `-${life}.log`));
      await sleep(seconds);
      if (life < 2) {
        await encoder.kill();
        await sleep(AWAY_SECONDS);
      }
    }
    const reasons = [];
    for (const watcher of watchers) {
      const page = await browser.watch({ player: watcher.player, url: url(watcher), lowLatency: false });
      watched.push([watcher.name, page]);
    }
    for (const [name, page] of watched) reasons.push(...(await startFaults(name, page, STARTUP_SECONDS)));
    if (reasons.length > 0) return { reasons, words: '' };
    for (const [name, page] of watched) {
      let behind = (await page.motion(WINDOW_SECONDS)).latency;
      for (const seek of SEEKS) {
        behind = Math.max(behind - seek.by, 0);
        reasons.push(...(await seekFaultsOf(name, page, seek, behind)));
      }
    }
    return { reasons, words: SEEKS.map(({ name }) => name).join(', ') };
  } finally {
    await encoder?.stop();
    for (const [, page] of watched) await page.close();
  }
}
