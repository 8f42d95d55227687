// A small HTTP server for files: the players' page and, from folders, whatever a control plays.
// Always on its own origin, so what is tested must send its CORS headers.
import http from 'node:http';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.m4s': 'video/iso.segment',
  '.mp4': 'video/mp4',
  '.mpd': 'application/dash+xml',
  '.ts': 'video/mp2t',
};
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-expose-headers': '*',
};

// The bytes a `Range` header asks for out of `size`, as [first, last], or null for all of them.
// Only what players send: one range, with a start.
function wanted(range, size) {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  if (!match) return null;
  const first = Number(match[1]);
  const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return first <= last ? [first, last] : null;
}

async function answer(files, folder, request, response) {
  const { pathname } = new URL(request.url, 'http://host');
  if (request.method === 'OPTIONS') {
    response.writeHead(204, CORS).end();
    return;
  }
  // URL parsing has already resolved `..`, so the path cannot leave the folder.
  const file = files[pathname] ?? (folder ? path.join(folder, decodeURIComponent(pathname)) : null);
  const found = file ? await stat(file).catch(() => null) : null;
  if (!found?.isFile()) {
    response.writeHead(404, CORS).end();
    return;
  }
  const range = wanted(request.headers.range, found.size);
  const [first, last] = range ?? [0, found.size - 1];
  response.writeHead(range ? 206 : 200, {
    ...CORS,
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    'content-length': Math.max(0, last - first + 1),
    'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
    ...(range ? { 'content-range': `bytes ${first}-${last}/${found.size}` } : {}),
  });
  if (request.method === 'HEAD' || found.size === 0) response.end();
  else createReadStream(file, { start: first, end: last }).on('error', () => response.destroy()).pipe(response);
}

// Serves `files` (URL path → file) and, below them, everything in `folder`. Returns
// { origin, close } once it listens on a port of the system's choice.
export async function serveFiles({ files = {}, folder = null }) {
  const server = http.createServer((request, response) => {
    answer(files, folder, request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
