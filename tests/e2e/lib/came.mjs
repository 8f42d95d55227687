// What came of media that was pushed: whether it plays, whether somebody is told why not, and
// whether the server as a whole is well.
import { readFaults } from './ffmpeg.mjs';
import { run } from './processes.mjs';

const READ_SECONDS = 3;
const CARRIED = ['h264', 'hevc', 'av1', 'aac', 'ac3', 'eac3', 'mp3', 'opus'];

async function text(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  return { status: answer.status, text: await answer.text() };
}

// The reasons why the server as a whole is not well.
export async function healthFaults(server) {
  const reasons = [];
  const health = await text(`${server.addresses.admin}/healthz`).catch((error) => ({ status: error.message }));
  if (health.status !== 200) reasons.push(`/healthz answers ${health.status}`);
  const metrics = await text(`${server.addresses.admin}/metrics`).catch(() => ({ text: '' }));
  const panics = [...metrics.text.matchAll(/^\w*panics_total\S* (\S+)/gm)].filter(([, n]) => Number(n) > 0);
  return [...reasons, ...panics.map(([line]) => line)];
}

// What ffprobe finds: { seconds, carried }; carried where a codec is in it that is, in a transport
// stream or in CMAF.
export async function probe(file) {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name:format=duration', '-of', 'json', file];
  const { stdout } = await run('ffprobe', args, 20);
  const { streams = [], format = {} } = JSON.parse(stdout || '{}');
  const carried = streams.some(({ codec_name: codec }) => CARRIED.includes(codec));
  return { seconds: Number(format.duration ?? 0), carried };
}

// Gives what `ask` gives once `done` says so of it, or at the end.
async function until(seconds, ask, done) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const given = await ask();
    if (done(given) || Date.now() >= end) return given;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

// The reasons why media came to nothing and nobody is told; and a word on it. For `seconds` it may
// still come.
export async function outcome(server, name, seconds) {
  const url = `${server.addresses.egress}/v1/media/1/${name}/manifest.m3u8`;
  const list = await until(seconds, () => text(url), ({ status }) => status === 200);
  if (list.status === 200) return { reasons: await readFaults(url, READ_SECONDS), words: 'it plays' };
  const { channels } = JSON.parse((await text(`${server.addresses.admin}/status`)).text);
  const { says, notes } = channels.find((one) => one.channel === name);
  const words = `its playlist is answered ${list.status}, the status says: ${[says, ...notes].join('; ')}`;
  // The notes are of what the source gets wrong; why nothing plays is the sentence's to say.
  const silent = /no encoder has come|gathers its first|^plays (?!nothing)/.test(says);
  return { reasons: silent ? [words] : [], words };
}
