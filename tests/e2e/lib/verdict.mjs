// What counts as played. Pure: a measurement in, the reasons why it is not good enough out.

export const STARTUP_SECONDS = 15;
const STALLS_ALLOWED = 1;
const STALLED_MS_ALLOWED = 1000;
const SKIPPED_SECONDS_ALLOWED = 1;

// The reasons why `seen` (of playCase or measurePlayback) is no `seconds` of playback; empty when
// it is.
export function faults(seen, seconds) {
  const reasons = [...seen.errors];
  if (seen.startupMs === null) {
    if (reasons.length === 0) reasons.push(`never started (${seen.end})`);
    return reasons;
  }
  if (seen.startupMs > STARTUP_SECONDS * 1000) reasons.push(`took ${seen.startupMs} ms to start`);
  if (seen.advanced < seconds) {
    reasons.push(`media advanced ${seen.advanced} s of ${seconds} s (${seen.end})`);
  }
  if (seen.stalls.length > STALLS_ALLOWED) reasons.push(`rebuffered ${seen.stalls.length} times`);
  if (seen.stalledMs > STALLED_MS_ALLOWED) reasons.push(`stood still for ${seen.stalledMs} ms`);
  const skipped = seen.jumps.reduce((sum, { by }) => sum + Math.abs(by), 0);
  if (skipped > SKIPPED_SECONDS_ALLOWED) reasons.push(`skipped ${skipped.toFixed(1)} s of media`);
  if (seen.frames === 0) reasons.push('no video frame was decoded');
  return reasons;
}
