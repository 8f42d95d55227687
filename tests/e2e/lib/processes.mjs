// Child processes, each ended by its own id and none left behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const running = new Set();

// Starts `command`. Its stderr goes to `log` when given; stdout stays readable. Returns
// { child, exited, stop, kill }.
export function start(command, args, { log, ...options } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  // A command that is not there: `close` does not come, `error` does.
  exited.catch(() => {});
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
  if (log) child.stderr.pipe(createWriteStream(log));
  async function stop() {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), 5000);
    await exited.catch(() => {});
    clearTimeout(patience);
  }
  // Ends it without a word.
  async function kill() {
    child.kill('SIGKILL');
    await exited.catch(() => {});
  }
  return { child, exited, stop, kill };
}

// Runs `command` to its end, or for `seconds`. Returns { code, stdout, stderr }; the code is
// 'timeout' when time ran out.
export async function run(command, args, seconds) {
  const { child, exited } = start(command, args);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  try {
    const code = await exited;
    return { code: late ? 'timeout' : code, ...output };
  } catch (error) {
    return { code: error.message, ...output };
  } finally {
    clearTimeout(timer);
  }
}

// Whatever ends this process ends its children.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
