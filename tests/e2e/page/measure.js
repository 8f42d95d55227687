// Runs in the page. Watches one video element from outside any player and says how it went.
// Knows nothing of HLS, DASH or the players; players.js does.
'use strict';

const TICK_MS = 50;
// A standstill this long is one a viewer sees. Shorter ones are how players nudge over gaps.
const STALL_MS = 250;

// Watches `video` until `seconds` of media have advanced after the first frame, or until it is
// clear that they will not. `start` begins playback; it may return a promise. `fail(message)`,
// given to `start`, ends the run.
window.measurePlayback = async (video, { seconds, startupSeconds, start }) => {
  const begun = performance.now();
  const since = () => Math.round(performance.now() - begun);
  const seen = {
    startupMs: null,
    advanced: 0,
    stalls: [],
    jumps: [],
    errors: [],
    sizes: [],
  };
  const noteSize = () => {
    const size = `${video.videoWidth}x${video.videoHeight}`;
    if (video.videoWidth > 0 && seen.sizes.at(-1) !== size) seen.sizes.push(size);
  };
  video.addEventListener('resize', noteSize);

  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const fail = (message) => {
    seen.errors.push(`${since()} ms: ${message}`);
    finish('error');
  };
  video.addEventListener('error', () => {
    const { code, message } = video.error ?? {};
    fail(`the video element gave up: code ${code}: ${message}`);
  });
  // Only a live programme whose encoder stopped, or a file, comes to an end.
  video.addEventListener('ended', () => finish('ended'));

  let last = { at: performance.now(), position: video.currentTime };
  let moved = last.at;
  const tick = () => {
    const now = { at: performance.now(), position: video.currentTime };
    const wall = (now.at - last.at) / 1000;
    const step = now.position - last.position;
    last = now;
    if (seen.startupMs === null) {
      const playing = step > 0 && step < 1 && video.readyState >= 3 && !video.seeking;
      if (playing) {
        seen.startupMs = since();
        moved = now.at;
        noteSize();
      } else if (now.at - begun > startupSeconds * 1000) {
        fail(`nothing played within ${startupSeconds} s (readyState ${video.readyState})`);
      }
      return;
    }
    const standstill = now.at - moved;
    if (step === 0) {
      // 3 s more than is allowed to stand still: no need to wait for the end.
      if (standstill > 4000) finish('stalled');
      return;
    }
    if (standstill >= STALL_MS) seen.stalls.push({ atMs: since(), ms: Math.round(standstill) });
    moved = now.at;
    // What a clock can do, with room for a catch-up rate and a late timer.
    const plausible = wall * 2 + 0.3;
    if (step > 0 && step <= plausible) seen.advanced += step;
    else seen.jumps.push({ atMs: since(), by: Number(step.toFixed(3)) });
    if (seen.advanced >= seconds) finish('played');
  };
  const timer = setInterval(tick, TICK_MS);
  // Players may run slower than the clock to keep their distance; 0.9 is below what any does.
  const giveUp = setTimeout(() => finish('slow'), (startupSeconds + seconds / 0.9 + 5) * 1000);

  Promise.resolve()
    .then(() => start(fail))
    .catch((error) => fail(`the player did not start: ${error?.message ?? error}`));
  const end = await finished;
  clearInterval(timer);
  clearTimeout(giveUp);

  const standstill = performance.now() - moved;
  if (seen.startupMs !== null && standstill >= STALL_MS) {
    seen.stalls.push({ atMs: since(), ms: Math.round(standstill) });
  }
  const quality = video.getVideoPlaybackQuality();
  return {
    ...seen,
    end,
    advanced: Number(seen.advanced.toFixed(3)),
    stalledMs: seen.stalls.reduce((sum, stall) => sum + stall.ms, 0),
    frames: quality.totalVideoFrames,
    droppedFrames: quality.droppedVideoFrames,
    audioBytes: video.webkitAudioDecodedByteCount ?? null,
    position: Number(video.currentTime.toFixed(3)),
  };
};
