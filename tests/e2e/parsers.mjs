#!/usr/bin/env node
// Reads the goldens with parsers that players are built on (hls-parser, m3u8-parser)
// and with xmllint, and collects every violation. Prints `N passed, M failed` last.
//
//   parsers.mjs [--schema DASH-MPD.xsd] [FOLDER]
//
// The schema of MPDs is ISO's and not ours to ship: without --schema only well-formedness is asked.
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import HLS from 'hls-parser';
import { Parser } from 'm3u8-parser';

const GOLDENS = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../fixtures/golden');
// What hls-parser objects to and the draft does not. One that is not met any more is a failure.
const KNOWN = new Map([
  [
    'Remove EXT-X-PART tags from the Playlist after they are greater than three target durations from the end of the Playlist.',
    'it counts three segments, the one in the making among them; rfc8216bis 6.2.2 says durations',
  ],
  ['EXT-X-VERSION needs to be 8 or higher.', 'it asks that of EXT-X-GAP; rfc8216bis 8 does not'],
]);
const run = promisify(execFile);

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const lines = (text, tag) => text.split('\n').filter((line) => line.startsWith(tag));
const value = (text, tag) => lines(text, `${tag}:`)[0]?.slice(tag.length + 1);
const durations = (text) => lines(text, '#EXTINF:').map((line) => Number.parseFloat(line.slice(8)));

function check(violations, what, found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    violations.push(`${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }
}

// Not in strict mode, which ends with the first fault: faults are printed then, and caught here.
function parseTolerantly(text, violations) {
  const { error } = console;
  console.error = (message) => violations.push(message.replace('Invalid Playlist : ', ''));
  try {
    return HLS.parse(text);
  } finally {
    console.error = error;
  }
}

function hlsParser(text, violations) {
  const playlist = parseTolerantly(text, violations);
  if (playlist.isMasterPlaylist) {
    check(violations, 'variants', playlist.variants.length, lines(text, '#EXT-X-STREAM-INF:').length);
    check(violations, 'independent segments', playlist.independentSegments, true);
    return;
  }
  const segments = playlist.segments.filter((segment) => segment.uri);
  check(violations, 'segments', segments.length, durations(text).length);
  check(violations, 'targetDuration', playlist.targetDuration, Number(value(text, '#EXT-X-TARGETDURATION')));
  check(violations, 'mediaSequenceBase', playlist.mediaSequenceBase, Number(value(text, '#EXT-X-MEDIA-SEQUENCE')));
  check(violations, 'endlist', playlist.endlist, text.includes('#EXT-X-ENDLIST'));
  const discontinuities = lines(text, '#EXT-X-DISCONTINUITY').filter((line) => !line.includes(':'));
  check(violations, 'discontinuities', segments.filter((s) => s.discontinuity).length, discontinuities.length);
  const parts = sum(playlist.segments.map((segment) => segment.parts.filter((p) => !p.hint).length));
  check(violations, 'parts', parts, lines(text, '#EXT-X-PART:').length);
  check(violations, 'reports', playlist.renditionReports.length, lines(text, '#EXT-X-RENDITION-REPORT:').length);
}

function m3u8Parser(text, violations) {
  const parser = new Parser();
  for (const event of ['warn', 'error']) {
    parser.on(event, ({ message }) => violations.push(`${event}: ${message}`));
  }
  parser.push(text);
  parser.end();
  const { manifest } = parser;
  const variants = lines(text, '#EXT-X-STREAM-INF:').length;
  check(violations, 'playlists', manifest.playlists?.length ?? 0, variants);
  if (variants > 0) return;
  check(violations, 'segments', manifest.segments.filter((s) => s.uri).map((s) => s.duration), durations(text));
  check(violations, 'mediaSequence', manifest.mediaSequence, Number(value(text, '#EXT-X-MEDIA-SEQUENCE')));
  check(violations, 'discontinuitySequence', manifest.discontinuitySequence, Number(value(text, '#EXT-X-DISCONTINUITY-SEQUENCE')));
  check(violations, 'a date on every segment', manifest.segments.every((s) => s.dateTimeString || !s.uri), true);
}

async function xmllint(file, schema, violations) {
  try {
    await run('xmllint', ['--noout', '--nonet', ...(schema ? ['--schema', schema] : []), file]);
  } catch ({ stderr, message }) {
    violations.push(...(stderr || message).trim().split('\n'));
  }
}

function attempt(parse, text, violations) {
  try {
    parse(text, violations);
  } catch ({ message }) {
    violations.push(message);
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { schema: { type: 'string' } },
  });
  const folder = positionals[0] ?? GOLDENS;
  const files = (await readdir(folder, { recursive: true })).sort();
  let passed = 0;
  const failures = [];
  const met = new Set();
  const judge = async (name, act) => {
    const all = [];
    await act(all);
    for (const known of all.filter((violation) => KNOWN.has(violation))) met.add(known);
    const violations = all.filter((violation) => !KNOWN.has(violation));
    if (violations.length === 0) passed += 1;
    else failures.push(...violations.map((violation) => `${name}: ${violation}`));
    return violations.length > 0;
  };
  let failed = 0;
  for (const file of files.filter((name) => /\.(m3u8|mpd)$/.test(name))) {
    const full = path.join(folder, file);
    if (file.endsWith('.mpd')) {
      failed += await judge(`xmllint ${file}`, (found) => xmllint(full, values.schema, found));
      continue;
    }
    const text = await readFile(full, 'utf8');
    failed += await judge(`m3u8-parser ${file}`, (found) => attempt(m3u8Parser, text, found));
    failed += await judge(`hls-parser ${file}`, (found) => attempt(hlsParser, text, found));
  }
  for (const [known, why] of KNOWN) {
    await judge(`known: ${known}`, (found) => met.has(known) || found.push(`not met any more (${why})`));
  }
  failed += [...KNOWN.keys()].filter((known) => !met.has(known)).length;
  for (const failure of failures) console.log(failure);
  if (!values.schema) console.log('not run: the MPD schema (no --schema)');
  if (passed + failed === 0) throw new Error(`no manifest in ${folder}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
