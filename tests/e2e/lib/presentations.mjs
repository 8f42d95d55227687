// Foreign presentations in folders: the tracks of CMAF, each a header and its segments, and the MPDs
// that list them.
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

const HEADER = /^(.*?)_?init(_org)?\.(mp4|cmf[vatm])$/;
const SEGMENT = /\.(m4s|cmf[vatm])$/;

export async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.join(entry.parentPath ?? entry.path, entry.name)).sort();
}

const numberOf = (file) => Number(/(\d+)\D*$/.exec(path.basename(file))?.[1] ?? 0);

// The track whose header `file` is: { name, header, segments }, paths all; none where it is none.
// Of a folder with several headers each has the segments that begin as it does, or all.
function trackOf(file, files) {
  const [, prefix] = HEADER.exec(path.basename(file)) ?? [];
  if (prefix === undefined) return null;
  const folder = path.dirname(file);
  const beside = files.filter((other) => path.dirname(other) === folder && SEGMENT.test(other) && !HEADER.test(path.basename(other)));
  const own = beside.filter((other) => path.basename(other).startsWith(prefix));
  const segments = (own.length > 0 ? own : beside).sort((a, b) => numberOf(a) - numberOf(b));
  const name = prefix === '' ? path.basename(folder) : prefix;
  return { name, header: file, segments };
}

// The presentations below a folder: { name, tracks }. Tracks of one belong together: the folders they
// lie in stand side by side, or they lie in one.
export async function presentations(folder) {
  const files = await filesBelow(folder);
  const found = new Map();
  for (const file of files) {
    const track = trackOf(file, files);
    if (!track || track.segments.length === 0) continue;
    const alone = /^init/.test(path.basename(file));
    const home = path.dirname(alone ? path.dirname(file) : file);
    if (!found.has(home)) found.set(home, []);
    found.get(home).push(track);
  }
  return [...found].map(([home, tracks]) => ({ name: path.relative(path.dirname(folder), home), tracks }));
}

// The bodies of a track in order.
export const bodiesOf = ({ header, segments }) => Promise.all([header, ...segments].map((file) => readFile(file)));

// The MPDs below a folder: { name, mpd, headers, segments }, files all; those of a segment's number
// stand together, as a sender has them at one time.
export async function dashPresentations(folder) {
  const files = await filesBelow(folder);
  return files.filter((file) => file.endsWith('.mpd')).map((mpd) => {
    const home = path.dirname(mpd);
    const below = files.filter((file) => file.startsWith(home + path.sep));
    const headers = below.filter((file) => HEADER.test(path.basename(file)));
    const segments = below.filter((file) => SEGMENT.test(file)).sort((a, b) => numberOf(a) - numberOf(b));
    return { name: path.relative(path.dirname(folder), mpd), mpd, home, headers, segments };
  });
}
