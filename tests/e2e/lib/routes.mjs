// What is followed from where to where: the pushes, and the endpoints of the channel each goes to.
import { SOURCES } from './sources.mjs';

// What transport streams carry.
export const inTransport = ({ video }) => video !== 'av1';
// ffmpeg writes one header a track.
const ofOneSetting = ({ pieces }) => !pieces;
// The forms of lib/ffmpeg.mjs, `rtmp` by the publisher's, and which sources can be pushed so.
const FORMS = {
  ts: inTransport,
  hls: inTransport,
  'hls-fmp4': ofOneSetting,
  dash: ofOneSetting,
  ldash: ofOneSetting,
  cmaf: (source) => ofOneSetting(source) && !/ac3/.test(source.audio),
  rtmp: ofOneSetting,
  'cmaf-late': (source) => ofOneSetting(source) && /ac3/.test(source.audio),
};
export const PUSHES = Object.entries(FORMS).flatMap(([form, carries]) =>
  SOURCES.filter(carries).map((source) => ({ channel: `${source.name}-${form}`, form, source })),
);

// All of a push is listed, and can be asked for when it is past.
const LISTED = 'segment_duration = "1s"\nwindow = "60s"\ntimeshift_days = 1';

// Once the first lists all that is pushed, the others are read. `parts`: what of it is listed in parts;
// `past`: the same is followed once more by a catch-up.
export const ENDPOINTS = [
  { name: 'HLS_CMAF', protocol: 'HLS_CMAF', more: LISTED, past: true },
  { name: 'DASH_CMAF', protocol: 'DASH_CMAF', more: LISTED, dash: true, past: true },
  { name: 'LLHLS_CMAF', protocol: 'LLHLS_CMAF', more: 'segment_duration = "2s"\npart_duration = "500ms"', parts: true },
  { name: 'HLS', protocol: 'HLS', more: LISTED, transport: true, past: true },
  {
    name: 'HLS with audio groups',
    protocol: 'HLS',
    more: `${LISTED}\nuse_audio_rendition_groups = true`,
    transport: true,
  },
  {
    name: 'LLHLS_TS',
    protocol: 'LLHLS_TS',
    more: 'segment_duration = "2s"\npart_duration = "500ms"\nwindow = "60s"',
    transport: true,
    parts: true,
  },
];

export const channelText = ({ channel }) => {
  const endpoints = ENDPOINTS.map(
    ({ protocol, more }, at) =>
      `[[channel.endpoint]]\nname = "e${at}"\nprotocol = "${protocol}"\nopen = true\n${more}\n`,
  );
  return `[[channel]]\ngroup = "frames"\nname = "${channel}"\n${endpoints.join('')}`;
};

// The paths of an endpoint's manifest and of the folder that is pushed to.
export const manifestPath = ({ channel }, at) =>
  `/v1/frames/${at + 1}/${channel}/manifest.${ENDPOINTS[at].dash ? 'mpd' : 'm3u8'}`;
export const pushFolder = ({ channel }) => `/v1/frames/1/${channel}`;
// Where it is published to.
export const publishPath = ({ channel }) => `/frames/${channel}`;
