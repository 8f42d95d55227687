// Harm done on purpose: a check that does not notice it checks nothing.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decode, stretchFaults } from './frames.mjs';
import { doctorFaults, hasDoctor, reportFaults } from './transport.mjs';

const PACKET = 188;

const pidOf = (packet) => ((packet[1] & 0x1f) << 8) | packet[2];
const hasClock = (packet) => (packet[3] & 0x20) !== 0 && packet[4] > 0 && (packet[5] & 0x10) !== 0;

function packetsOf(body) {
  return Array.from({ length: Math.floor(body.length / PACKET) }, (_, at) =>
    body.subarray(at * PACKET, (at + 1) * PACKET),
  );
}

// Without the packet in the middle of those of the clock's PID.
function withoutPacket(body) {
  const packets = packetsOf(body);
  const pid = pidOf(packets.find(hasClock));
  const own = packets.filter((packet) => pidOf(packet) === pid && !hasClock(packet));
  const lost = own[Math.floor(own.length / 2)];
  return Buffer.concat(packets.filter((packet) => packet !== lost));
}

// With one reading of the clock half a second early.
function withEarlyClock(body) {
  const copy = Buffer.from(body);
  const clocks = packetsOf(copy).filter(hasClock);
  const one = clocks[Math.floor(clocks.length / 2)];
  one.writeUInt32BE((one.readUInt32BE(6) - 22_500) >>> 0, 6);
  return copy;
}

// The reasons why harm done to `file`, a transport stream of H.264 and AAC, is not noticed.
export async function unnoticed(file, folder) {
  const reasons = [];
  const notice = (what, who, faults) => faults.length > 0 || reasons.push(`${who} does not notice ${what}`);
  const body = await readFile(file);
  const harmed = path.join(folder, 'harmed.ts');
  const whole = await decode(file, 'aac');
  const found = [...whole.faults, ...(await reportFaults(file)), ...(hasDoctor ? await doctorFaults(file) : [])];
  if (found.length > 0) reasons.push(`what is whole is found faulty: ${found[0]}`);

  await writeFile(harmed, withoutPacket(body));
  notice('a lost packet', 'ffmpeg', (await decode(harmed, 'aac')).faults);
  notice('a lost packet', 'tsreport', await reportFaults(harmed));
  if (hasDoctor) notice('a lost packet', 'media-doctor', await doctorFaults(harmed));
  await writeFile(harmed, withEarlyClock(body));
  notice('a clock that goes back', 'tsreport', await reportFaults(harmed));
  if (hasDoctor) notice('a clock that goes back', 'media-doctor', await doctorFaults(harmed));

  const { video } = whole;
  const faults = (...runs) => stretchFaults(runs, video, 0, video.length - 1);
  if (faults(video.slice(0, 9), video.slice(9)).length > 0) reasons.push('two runs that are whole are found faulty');
  notice('a frame that is missing', 'the comparison', faults(video.toSpliced(9, 1)));
  notice('a frame that comes twice', 'the comparison', faults(video.toSpliced(9, 0, video[9])));
  notice('two frames in the wrong order', 'the comparison', faults(video.toSpliced(9, 2, video[10], video[9])));
  notice('a frame of something else', 'the comparison', faults(video.with(9, 'f'.repeat(32))));
  notice('a frame lost between runs', 'the comparison', faults(video.slice(0, 9), video.slice(10)));
  notice('an output that is short', 'the comparison', faults(video.slice(2)));
  return reasons;
}
