// Frames by the hashes of what ffmpeg decodes them to, and whether those of an output are the source's.
import { run } from './processes.mjs';

const LIMIT_SECONDS = 60;
// What ffmpeg says of media that is not whole.
const FAULTY = /corrupt|continuity|invalid|error|missing|mismatch|concealing|non.existing|no frame/i;

// Decodes `file`, whose audio is of that codec: { video, audio, faults }: the hashes of all frames in
// the order of their presentation, and the lines in which ffmpeg finds fault.
export async function decode(file, codec) {
  const options = ['-flags2', '+skip_manual'];
  // Edit lists say which of the first samples to leave out.
  if (file.endsWith('.mp4')) options.push('-ignore_editlist', '1');
  // Else the noise in a frame depends on those before it.
  if (/ac3/.test(codec)) options.push('-cons_noisegen', '1');
  const sink = ['-autoscale', '0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const args = ['-nostdin', '-hide_banner', '-v', 'warning', ...options, '-i', file, '-map', '0', ...sink];
  const { code, stdout, stderr } = await run('ffmpeg', args, LIMIT_SECONDS);
  const faults = stderr.split('\n').filter((line) => FAULTY.test(line));
  if (code !== 0) faults.unshift(`ffmpeg ended with ${code}: ${stderr.trim().split('\n').at(-1)}`);
  const kinds = new Map([...stdout.matchAll(/^#media_type (\d+): (\w+)$/gm)].map(([, at, kind]) => [at, kind]));
  const found = { video: [], audio: [], faults };
  for (const [, stream, hash] of stdout.matchAll(/^(\d+),.*,\s*([0-9a-f]{32})/gm)) found[kinds.get(stream)].push(hash);
  return found;
}

// The place in `source` where `frames` lie one after the other, or -1; and how far they agree.
function placeOf(frames, source) {
  let best = { at: -1, agree: 0 };
  for (let at = source.indexOf(frames[0]); at !== -1; at = source.indexOf(frames[0], at + 1)) {
    let agree = 0;
    while (agree < frames.length && frames[agree] === source[at + agree]) agree += 1;
    if (agree === frames.length) return { at, agree };
    if (agree > best.agree) best = { at, agree };
  }
  return { at: -1, agree: best.agree };
}

// The reasons why `runs` (hashes each) are not a stretch of `source`, without a frame too many or too
// few where a run follows another. The first `warmUp` frames of a run are counted but not compared.
export function stretchFaults(runs, source, warmUp, least) {
  let next = null;
  let count = 0;
  for (const [nth, run] of runs.entries()) {
    const frames = run.slice(warmUp);
    if (frames.length === 0) return [`run ${nth + 1} has ${run.length} frames`];
    const { at, agree } = placeOf(frames, source);
    if (at === -1) {
      const which = warmUp + agree + 1;
      return [`frame ${which} of ${run.length} of run ${nth + 1} of ${runs.length} is not the source's`];
    }
    if (next !== null && at - warmUp !== next) {
      return [`run ${nth + 1} begins at frame ${at - warmUp} of the source, the one before ended at ${next}`];
    }
    next = at + frames.length;
    count += run.length;
  }
  return count < least ? [`${count} frames of ${source.length}, not ${least} at least`] : [];
}
