// OBS Studio as the encoder, as people set it up: a media source in a scene, and either the simple output
// mode with a custom server and a stream key, or a recording by FFmpeg to a URL. It draws by software
// onto a screen that nobody sees.
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import readline from 'node:readline';
import { start } from './processes.mjs';

const SIZE = { width: 640, height: 360 };
const RATE = 30;
const GOP_FRAMES = 60;

// OBS's settings, in its own words; without them it asks by dialogs.
const GLOBAL = `[General]
FirstRun=true
EnableAutoUpdates=false
InfoIncrement=99
[Basic]
Profile=headwater
ProfileDir=headwater
SceneCollection=headwater
SceneCollectionFile=headwater
`;
const FORMAT = `[General]
Name=headwater
[Video]
BaseCX=${SIZE.width}
BaseCY=${SIZE.height}
OutputCX=${SIZE.width}
OutputCY=${SIZE.height}
FPSType=0
FPSCommon=${RATE}
[Audio]
SampleRate=48000
ChannelSetup=Stereo
`;
const STREAM = `${FORMAT}
[Output]
Mode=Simple
[SimpleOutput]
StreamEncoder=x264
VBitrate=800
ABitrate=128
Preset=ultrafast
UseAdvanced=true
x264Settings=keyint=${GOP_FRAMES}
`;
const record = (url) => `${FORMAT}
[Output]
Mode=Advanced
[AdvOut]
RecType=FFmpeg
FFOutputToFile=false
FFURL=${url}
FFFormat=mpegts
FFFormatMimeType=video/MP2T
FFVEncoder=libx264
FFVEncoderId=27
FFVBitrate=800
FFVGOPSize=${GOP_FRAMES}
FFVCustom=preset=ultrafast
FFAEncoder=aac
FFAEncoderId=86018
FFABitrate=128
FFAudioMixes=1
`;
const service = (server, key) => ({ type: 'rtmp_custom', settings: { server, key, use_auth: false } });
const FILM = { name: 'film', id: 1, visible: true, pos: { x: 0, y: 0 }, scale: { x: 1, y: 1 } };
const scenes = (file) => ({
  name: 'headwater',
  current_scene: 'Scene',
  current_program_scene: 'Scene',
  scene_order: [{ name: 'Scene' }],
  sources: [
    {
      id: 'ffmpeg_source',
      name: 'film',
      settings: { local_file: file, looping: true, is_local_file: true },
      volume: 1,
      enabled: true,
      mixers: 255,
    },
    { id: 'scene', name: 'Scene', settings: { id_counter: 1, custom_size: false, items: [FILM] } },
  ],
});

async function settle(home, file, url) {
  const slash = url.lastIndexOf('/');
  const streams = url.startsWith('rtmp');
  const folder = path.join(home, '.config/obs-studio');
  const profile = path.join(folder, 'basic/profiles/headwater');
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true, mode: 0o700 }); // Qt insists
  await mkdir(profile, { recursive: true });
  await mkdir(path.join(folder, 'basic/scenes'), { recursive: true });
  await writeFile(path.join(folder, 'global.ini'), GLOBAL);
  await writeFile(path.join(profile, 'basic.ini'), streams ? STREAM : record(url));
  await writeFile(
    path.join(profile, 'service.json'),
    JSON.stringify(service(url.slice(0, slash), url.slice(slash + 1))),
  );
  await writeFile(path.join(folder, 'basic/scenes/headwater.json'), JSON.stringify(scenes(file)));
}

// Has OBS send `file`, round and round, to `url`, by RTMP or HTTP as that says; its settings go to the folder `home`. Returns { stop }.
export async function startObs(file, url, home, log) {
  await settle(home, file, url);
  const screen = start('Xvfb', ['-displayfd', '1', '-nolisten', 'tcp', '-screen', '0', '1280x720x24']);
  const [number] = await once(readline.createInterface({ input: screen.child.stdout }), 'line');
  const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: `:${number}`, LIBGL_ALWAYS_SOFTWARE: '1' };
  const begin = url.startsWith('rtmp') ? '--startstreaming' : '--startrecording';
  const obs = start('obs', [begin, '--multi', '--disable-updater'], { log, env });
  obs.child.stdout.resume();
  return {
    async stop() {
      await obs.stop();
      await screen.stop();
    },
  };
}
