// Whether transport stream segments are whole by themselves and one stream together, as ffmpeg,
// tsreport (Debian's tstools) and media-doctor (cargo's) see it.
import { access, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from './frames.mjs';
import { run } from './processes.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const DOCTOR = path.resolve(process.env.MEDIA_DOCTOR ?? path.join(ROOT, 'target/tools/bin/media-doctor'));
export const hasDoctor = await access(DOCTOR).then(
  () => true,
  () => false,
);
const LIMIT_SECONDS = 20;

// The reasons why tsreport finds `file` faulty: the lines that begin with ### or !!!, and its sums.
export async function reportFaults(file) {
  const { code, stdout, stderr } = await run('tsreport', ['-buffering', file], LIMIT_SECONDS);
  if (code !== 0) return [`tsreport ended with ${code}: ${(stderr || stdout).trim().split('\n').at(-1)}`];
  const lines = stdout.split('\n').filter((line) => /^\s*(###|!!!)/.test(line));
  const gaps = /PCRs found: (\d+), Bad \(>\.1s\) gaps: (\d+)/.exec(stdout);
  if (!gaps) lines.push('it finds no PCR');
  const duplicate = /duplicate packets: [1-9]\d*/.exec(stdout);
  if (duplicate) lines.push(duplicate[0]);
  return lines.map((line) => `tsreport: ${line.trim()}`);
}

// The same of media-doctor.
export async function doctorFaults(file) {
  const { code, stdout, stderr } = await run(DOCTOR, ['check', '--json', '--input', file], LIMIT_SECONDS);
  if (code !== 0) return [`media-doctor ended with ${code}: ${stderr.trim().split('\n').at(-1)}`];
  return JSON.parse(stdout).findings.map(({ message }) => `media-doctor: ${message}`);
}

// Checks the segments of `runs` in `folder`; `fetched` has their bytes by URL, in whatever order they
// were made. Each is decoded and reported on by itself in that order, then all of them in theirs. Gives
// the reasons why they are not whole.
export async function segmentFaults({ runs, fetched, folder, audio }) {
  const reasons = [];
  const alone = new Map();
  const checked = async (name, body) => {
    const file = path.join(folder, name);
    await writeFile(file, body);
    const found = await decode(file, audio);
    const faults = [...found.faults, ...(await reportFaults(file)), ...(hasDoctor ? await doctorFaults(file) : [])];
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
    if (faults.length > 0) reasons.push(`${name}: ${faults[0]}${more}`);
    return found;
  };
  for (const [url, body] of fetched) alone.set(url, await checked(`alone-${path.basename(url)}`, body));
  const urls = runs.flatMap(({ objects }) => objects);
  const together = await checked('together.ts', Buffer.concat(urls.map((url) => fetched.get(url))));
  const pictures = urls.flatMap((url) => alone.get(url).video);
  if (pictures.join() !== together.video.join()) {
    reasons.push(`${pictures.length} pictures of single segments are not the ${together.video.length} of all together`);
  }
  return reasons;
}
