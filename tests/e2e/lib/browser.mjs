// Debian's Chromium, driven by playwright-core, and the page the players run in.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serveFiles } from './files.mjs';
import { watchNetwork } from './network.mjs';
import { STARTUP_SECONDS } from './verdict.mjs';

const HERE = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const modules = (name) => path.join(HERE, 'node_modules', name);
const PAGE_FILES = {
  '/': path.join(HERE, 'page/index.html'),
  '/measure.js': path.join(HERE, 'page/measure.js'),
  '/players.js': path.join(HERE, 'page/players.js'),
  '/library/hls.js': modules('hls.js/dist/hls.js'),
  '/library/dash.js': modules('dashjs/dist/modern/umd/dash.all.min.js'),
  '/library/shaka.js': modules('shaka-player/dist/shaka-player.compiled.js'),
};
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

// Opens the browser. Returns { play, visit, version, close }.
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  const files = await serveFiles({ files: PAGE_FILES });

  // A fresh page for `work(page)`; what it asked for goes with the result.
  async function onPage({ headers = {}, seconds, screenshot }, work) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      extraHTTPHeaders: headers,
    });
    const page = await context.newPage();
    const requests = await watchNetwork(page, [files.origin]);
    const said = [];
    page.on('pageerror', (error) => said.push(error.message));
    let timer;
    const limit = STARTUP_SECONDS + seconds * 1.2 + 20;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${limit} s`)), limit * 1000);
    });
    const crashed = new Promise((_, reject) => {
      page.on('crash', () => reject(new Error('the page crashed')));
    });
    try {
      const seen = await Promise.race([work(page), late, crashed]);
      if (screenshot) await page.screenshot({ path: screenshot });
      return { ...seen, console: said, requests: requests() };
    } finally {
      clearTimeout(timer);
      // Whichever promise lost the race may still be rejected when the page closes.
      late.catch(() => {});
      crashed.catch(() => {});
      await context.close();
    }
  }

  return {
    version: browser.version(),
    // One player on our page: { player, url, seconds, lowLatency, headers, screenshot }.
    play({ player, url, seconds, lowLatency = false, headers = {}, screenshot }) {
      // A media element cannot set headers: the browser adds them to all it asks for.
      const own = player === 'native' ? headers : {};
      return onPage({ headers: own, seconds, screenshot }, async (page) => {
        await page.goto(files.origin);
        const options = { player, url, seconds, lowLatency, headers, startupSeconds: STARTUP_SECONDS };
        return page.evaluate((given) => window.playCase(given), options);
      });
    },
    // A player on our page that goes on until it is closed: { seek(seconds), motion(seconds), close() }.
    async watch({ player, url, lowLatency = false, headers = {} }) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      await page.goto(files.origin);
      await page.evaluate((given) => window.watchCase(given), { player, url, lowLatency, headers });
      return {
        seek: (seconds) => page.evaluate((given) => window.seek(given), seconds),
        motion: (seconds) => page.evaluate((given) => window.motion(given), seconds),
        close: () => context.close(),
      };
    },
    // Somebody else's page with a video element that starts by itself. `inspect`, a function run
    // in that page after playing, gives `found`.
    visit({ url, seconds, screenshot, inspect = () => null }) {
      return onPage({ seconds, screenshot }, async (page) => {
        await page.goto(url);
        await page.addScriptTag({ path: PAGE_FILES['/measure.js'] });
        const seen = await page.evaluate(
          (given) => window.measurePlayback(document.querySelector('video'), { ...given, start() {} }),
          { seconds, startupSeconds: STARTUP_SECONDS },
        );
        return { ...seen, found: await page.evaluate(inspect) };
      });
    },
    async close() {
      await browser.close();
      files.close();
    },
  };
}
