// The server under test: started as its users start it, its addresses read from what it prints.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { start } from './processes.mjs';

const READY_SECONDS = 20;

// Starts `binary` with `args`. Returns { addresses, manifests, exited, stop } once it has printed
// `ready`: addresses by name (egress, ingest, admin, page, publish), manifests as the demo prints them.
async function launch(binary, args, log) {
  const process = start(binary, args, { log });
  const addresses = {};
  const manifests = [];
  let timer;
  const ready = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not ready within ${READY_SECONDS} s`)), READY_SECONDS * 1000);
    process.child.once('error', reject);
    process.exited.then((code) => reject(new Error(`it ended with ${code} before it was ready`)), reject);
    readline.createInterface({ input: process.child.stdout }).on('line', (line) => {
      const named = /^\s*(egress|ingest|admin|page|publish)\s+((?:http|rtmp)\S+)/.exec(line);
      if (named) addresses[named[1]] = named[2].replace(/\/$/, '');
      else manifests.push(...(line.match(/http\S+\.(m3u8|mpd)/g) ?? []));
      if (/^\s*ready\b/.test(line)) resolve();
    });
  });
  try {
    await ready;
  } catch (error) {
    await process.stop();
    throw new Error(`${binary} ${args.join(' ')}: ${error.message} (see ${log})`);
  } finally {
    clearTimeout(timer);
  }
  return { addresses, manifests, exited: process.exited, stop: process.stop };
}

// The demo: no arguments.
export const startDemo = (binary, log) => launch(binary, [], log);

// A server with `channels` (TOML), on ports of the system's choice and a store that goes with it.
export async function startServer(binary, channels, log) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'headwater-e2e-'));
  const config = path.join(folder, 'headwater.toml');
  const chosen = { egress: '127.0.0.1:0', ingest: '127.0.0.1:0', admin: '127.0.0.1:0' };
  const begin = async ({ egress, ingest, admin }) => {
    const text = [
      `[egress]\nlisten = "${egress}"`,
      `[ingest]\nhttp = "${ingest}"\nrtmp = "127.0.0.1:0"`,
      `[admin]\nlisten = "${admin}"`,
      `[store]\npath = ${JSON.stringify(path.join(folder, 'store'))}`,
      channels,
    ].join('\n');
    await writeFile(config, text);
    return launch(binary, ['serve', '--config', config], log);
  };
  let server = await begin(chosen);
  const { addresses } = server;
  return {
    ...server,
    // Ends it, and starts it again at the same addresses.
    async restart() {
      await server.stop();
      const host = (name) => new URL(addresses[name]).host;
      server = await begin({ egress: host('egress'), ingest: host('ingest'), admin: host('admin') });
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// Waits until `url` answers 200; gives the last status when it does not within `seconds`.
export async function untilThere(url, seconds) {
  const end = Date.now() + seconds * 1000;
  let last = 'no answer';
  while (Date.now() < end) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      await answer.arrayBuffer();
      if (answer.ok) return;
      last = answer.status;
    } catch (error) {
      last = error.cause?.message ?? error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`${url} did not answer 200 within ${seconds} s: ${last}`);
}
