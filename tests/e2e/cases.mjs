// The table of what is played. A case is
//   { name, fast, kind: 'page' | 'play' | 'read' | 'outages' | 'seek', … }
// page: the demo's page as it stands. play: a player on one endpoint of one push. read: ffmpeg on
// one endpoint. outages: two players while their encoder dies and comes back, with or without a slate. seek: two players go back to what was before encoder and server were started
// anew.
// `expect(seen)` gives further reasons to fail.

// The pushes: the programmes of fixtures/push, each into a channel of its own name.
export const PUSHES = [
  { channel: 'p30', file: '30.mp4' },
  { channel: 'p2997', file: '2997.mp4' },
  { channel: 'p25', file: '25.mp4' },
];

// The other inputs, each of the last programme: `form` is one of lib/ffmpeg.mjs, or OBS.
export const SEGMENT_PUSHES = ['hls', 'hls-fmp4', 'dash', 'ldash', 'cmaf', 'rtmp', 'obs', 'obs-http'].map((form) => ({
  channel: form,
  form,
  file: '25.mp4',
}));

// Channels of another server that pulls from an endpoint of the first programme, one a kind of list.
export const PULLS = [
  { channel: 'pull-ts', endpoint: 'ts' },
  { channel: 'pull-low', endpoint: 'low' },
].map((pull) => ({ ...pull, from: PUSHES[0].channel }));

// Channels of the same endpoints whose encoders die and come back, each for one case.
const OUTAGE_CHANNELS = ['out1', 'out2', 'out3'];
const SLATE_CHANNELS = ['slate1', 'slate2'];

// The endpoints of every push's channel; an endpoint's ordinal is its place here, from 1.
const ENDPOINTS = [
  { name: 'plain', protocol: 'HLS_CMAF', more: 'segment_duration = "2s"' },
  { name: 'low', protocol: 'LLHLS_CMAF', more: 'segment_duration = "2s"\npart_duration = "500ms"' },
  { name: 'both', protocol: 'HLSDASH_CMAF', more: 'segment_duration = "2s"' },
  { name: 'dash', protocol: 'DASH_CMAF', more: 'segment_duration = "2s"\nwindow = "60s"' },
  {
    name: 'lldash',
    protocol: 'DASH_CMAF',
    words: ' of low latency',
    more: 'segment_duration = "2s"\npart_duration = "500ms"',
  },
  { name: 'ts', protocol: 'HLS', more: 'segment_duration = "2s"' },
  { name: 'lowts', protocol: 'LLHLS_TS', more: 'segment_duration = "2s"\npart_duration = "500ms"' },
  {
    name: 'groups',
    protocol: 'HLS',
    words: ' with audio groups',
    more: 'segment_duration = "2s"\nuse_audio_rendition_groups = true',
  },
];

// The channel whose past is played.
const SHIFTED = PUSHES[0].channel;

// `window` is that of endpoints that can have one longer than memory, and have none.
function channelText(channel, input = '', window = '') {
  const past = channel === SHIFTED ? 'timeshift_days = 1\n' : '';
  const endpoints = ENDPOINTS.map(
    ({ name, protocol, more }) =>
      `[[channel.endpoint]]\nname = "${name}"\nprotocol = "${protocol}"\nopen = true\n${past}${/part_duration|window/.test(more) ? '' : window}${more}\n`,
  );
  return `[[channel]]\ngroup = "e2e"\nname = "${channel}"\n${input}${endpoints.join('')}`;
}

// The channels as configuration; `slate` is the file of those that have one.
export function channels(slate) {
  const pushed = [...PUSHES, ...SEGMENT_PUSHES].map(({ channel }) => channel);
  const slated = SLATE_CHANNELS.map((channel) => channelText(channel, `slate = ${JSON.stringify(slate)}\n`));
  return [...[...pushed, ...OUTAGE_CHANNELS].map((channel) => channelText(channel)), ...slated].join('\n');
}

// What each of PULLS pulls, of the server that `egress` is of.
export const pulledUrl = (egress, { from, endpoint }) => egress + manifestPath(from, endpoint, 'm3u8');

// The channels that pull, as configuration.
export const pullingChannels = (egress) =>
  PULLS.map((pull) =>
    channelText(pull.channel, `[[channel.input]]\npull = ${JSON.stringify(pulledUrl(egress, pull))}\n`),
  ).join('\n');

// The path of an endpoint's manifest.
export function manifestPath(channel, endpoint, extension) {
  const ordinal = ENDPOINTS.findIndex(({ name }) => name === endpoint) + 1;
  return `/v1/e2e/${ordinal}/${channel}/manifest.${extension}`;
}

// The path a push goes to.
export const pushPath = (channel) => `/v1/e2e/1/${channel}/main/push.ts`;
// Where a push of that form goes: the folder of its segments, or its place for RTMP.
export const pushTarget = ({ ingest, publish }, { channel, form }) => {
  if (form === 'obs-http') return `${ingest}${pushPath(channel)}`;
  return ['rtmp', 'obs'].includes(form) ? `${publish}/e2e/${channel}` : `${ingest}/v1/e2e/1/${channel}`;
};

function lowLatencyOfHlsJs({ extra, latency }) {
  const reasons = [];
  if (!(extra.parts > 5)) reasons.push(`loaded ${extra.parts} parts, not more than 5`);
  if (!(latency < 5)) reasons.push(`was ${latency} s behind live, not under 5 s`);
  return reasons;
}
const lowLatencyOfShaka = ({ requests }) =>
  requests.parts > 5 ? [] : [`asked for ${requests.parts} parts, not more than 5`];

// Latency@target of two-second segments in parts of 500 ms, and what a player may be off on a busy
// machine.
const DASH_TARGET_S = 2.5;
const DASH_SLACK_S = 1.5;
function lowLatencyOfDash({ latency }) {
  const off = Math.abs(latency - DASH_TARGET_S);
  return off <= DASH_SLACK_S ? [] : [`was ${latency} s behind live, not ${DASH_TARGET_S} ± ${DASH_SLACK_S} s`];
}

const PLAYS = [
  { endpoint: 'low', extension: 'm3u8', player: 'hls', lowLatency: true, fast: true, expect: lowLatencyOfHlsJs },
  { endpoint: 'low', extension: 'm3u8', player: 'shaka', lowLatency: true, expect: lowLatencyOfShaka },
  { endpoint: 'plain', extension: 'm3u8', player: 'hls' },
  { endpoint: 'plain', extension: 'm3u8', player: 'shaka' },
  { endpoint: 'plain', extension: 'm3u8', player: 'native' },
  { endpoint: 'both', extension: 'mpd', player: 'dash' },
  { endpoint: 'both', extension: 'mpd', player: 'shaka', fast: true },
  { endpoint: 'both', extension: 'm3u8', player: 'hls' },
  { endpoint: 'dash', extension: 'mpd', player: 'dash', fast: true },
  { endpoint: 'dash', extension: 'mpd', player: 'shaka' },
  { endpoint: 'lldash', extension: 'mpd', player: 'dash', lowLatency: true, expect: lowLatencyOfDash },
  { endpoint: 'lldash', extension: 'mpd', player: 'shaka', lowLatency: true, expect: lowLatencyOfDash },
  { endpoint: 'lowts', extension: 'm3u8', player: 'hls', lowLatency: true, fast: true, expect: lowLatencyOfHlsJs },
  { endpoint: 'lowts', extension: 'm3u8', player: 'shaka', lowLatency: true, expect: lowLatencyOfShaka },
  { endpoint: 'ts', extension: 'm3u8', player: 'hls' },
  { endpoint: 'ts', extension: 'm3u8', player: 'shaka', fast: true },
  { endpoint: 'groups', extension: 'm3u8', player: 'hls' },
  { endpoint: 'groups', extension: 'm3u8', player: 'shaka' },
];
const READS = [
  { endpoint: 'plain', extension: 'm3u8' },
  { endpoint: 'low', extension: 'm3u8' },
  { endpoint: 'both', extension: 'm3u8' },
  { endpoint: 'both', extension: 'mpd' },
  { endpoint: 'dash', extension: 'mpd' },
  { endpoint: 'ts', extension: 'm3u8' },
  { endpoint: 'lowts', extension: 'm3u8' },
  { endpoint: 'groups', extension: 'm3u8' },
];

function protocolOf(endpoint) {
  const { protocol, words = '' } = ENDPOINTS.find(({ name }) => name === endpoint);
  return protocol + words;
}

const PLAYER_NAMES = { hls: 'hls.js', dash: 'dash.js', shaka: 'shaka-player', native: 'Chromium' };

const plays = PUSHES.flatMap(({ channel }, at) =>
  PLAYS.map((play) => ({
    ...play,
    kind: 'play',
    channel,
    fast: play.fast === true && at === 0,
    name: `${PLAYER_NAMES[play.player]} plays ${protocolOf(play.endpoint)} .${play.extension} of ${channel}`,
  })),
);
const reads = PUSHES.flatMap(({ channel }) =>
  READS.map((read) => ({
    ...read,
    kind: 'read',
    channel,
    fast: false,
    name: `ffmpeg reads ${protocolOf(read.endpoint)} .${read.extension} of ${channel}`,
  })),
);

// Every other input once, in pairs with an output and a player; ffmpeg reads each muxed.
const PAIRS = {
  hls: { endpoint: 'both', extension: 'mpd', player: 'dash' },
  'hls-fmp4': { endpoint: 'ts', extension: 'm3u8', player: 'hls' },
  dash: { endpoint: 'plain', extension: 'm3u8', player: 'shaka' },
  ldash: { endpoint: 'low', extension: 'm3u8', player: 'hls', lowLatency: true },
  cmaf: { endpoint: 'dash', extension: 'mpd', player: 'shaka' },
  rtmp: { endpoint: 'low', extension: 'm3u8', player: 'hls', lowLatency: true, expect: lowLatencyOfHlsJs },
  'obs-http': { endpoint: 'both', extension: 'mpd', player: 'dash' },
  obs: { endpoint: 'low', extension: 'm3u8', player: 'hls', lowLatency: true, expect: lowLatencyOfHlsJs },
};
const PULL_PAIRS = {
  'pull-ts': { endpoint: 'both', extension: 'mpd', player: 'shaka' },
  'pull-low': { endpoint: 'low', extension: 'm3u8', player: 'hls', lowLatency: true },
};
const pairOf = (channel, what, play) => [
  {
    ...play,
    kind: 'play',
    channel,
    fast: false,
    name: `${PLAYER_NAMES[play.player]} plays ${protocolOf(play.endpoint)} .${play.extension} of a ${what}`,
  },
  {
    endpoint: 'ts',
    extension: 'm3u8',
    kind: 'read',
    channel,
    fast: false,
    name: `ffmpeg reads ${protocolOf('ts')} .m3u8 of a ${what}`,
  },
];
const pairs = [
  ...SEGMENT_PUSHES.flatMap(({ channel, form }) => pairOf(channel, `push of ${form}`, PAIRS[form])),
  ...PULLS.flatMap(({ channel, endpoint }) => pairOf(channel, `pull of ${protocolOf(endpoint)}`, PULL_PAIRS[channel])),
];

// The past of the first programme, by the query for it; `begun` are the Unix seconds at which its
// encoder began. Who starts over plays from there, as HLS can say.
const CATCH_UP = { wish: 'catch-up', past: (begun) => `start=${begun + 8}&end=${begun + 40}` };
const START_OVER = { wish: 'start-over', past: (begun) => `start=${begun + 8}` };
const DELAY = { wish: 'delay', past: () => 'time_delay=30' };
const fromTheStart = ({ latency }) => (latency > 30 ? [] : [`was ${latency} s behind live, not at the start`]);
const PAST_PLAYS = [
  { ...CATCH_UP, endpoint: 'plain', extension: 'm3u8', player: 'hls' },
  { ...CATCH_UP, endpoint: 'plain', extension: 'm3u8', player: 'shaka' },
  { ...CATCH_UP, endpoint: 'ts', extension: 'm3u8', player: 'hls' },
  { ...CATCH_UP, endpoint: 'both', extension: 'mpd', player: 'dash' },
  { ...CATCH_UP, endpoint: 'both', extension: 'mpd', player: 'shaka' },
  { ...START_OVER, endpoint: 'low', extension: 'm3u8', player: 'hls', expect: fromTheStart },
  { ...START_OVER, endpoint: 'both', extension: 'mpd', player: 'dash' },
  { ...DELAY, endpoint: 'plain', extension: 'm3u8', player: 'hls' },
  { ...DELAY, endpoint: 'both', extension: 'mpd', player: 'dash' },
  { ...DELAY, endpoint: 'both', extension: 'mpd', player: 'shaka' },
];
const pasts = PAST_PLAYS.map((play) => ({
  ...play,
  kind: 'play',
  channel: SHIFTED,
  fast: false,
  name: `${PLAYER_NAMES[play.player]} plays the past (${play.wish}) of ${protocolOf(play.endpoint)} .${play.extension}`,
}));

// Two players at once on one channel, so that all of them see all five outages.
const WATCHERS = [
  [
    { player: 'hls', endpoint: 'low', extension: 'm3u8', lowLatency: true },
    { player: 'dash', endpoint: 'both', extension: 'mpd' },
  ],
  [
    { player: 'shaka', endpoint: 'both', extension: 'mpd' },
    { player: 'hls', endpoint: 'plain', extension: 'm3u8' },
  ],
  [
    { player: 'shaka', endpoint: 'plain', extension: 'm3u8' },
    { player: 'shaka', endpoint: 'low', extension: 'm3u8', lowLatency: true },
  ],
];
const watcherName = ({ player, endpoint, extension }) =>
  `${PLAYER_NAMES[player]} on ${protocolOf(endpoint)} .${extension}`;
const outage = (channel, watchers, more) => ({
  kind: 'outages',
  channel,
  file: '30.mp4',
  watchers: watchers.map((watcher) => ({ ...watcher, name: watcherName(watcher) })),
  fast: false,
  ...more,
});
const outages = WATCHERS.map((watchers, at) =>
  outage(OUTAGE_CHANNELS[at], watchers, {
    name: `${watchers.map(watcherName).join(' and ')} go on through five outages`,
  }),
);
const slates = WATCHERS.slice(0, SLATE_CHANNELS.length).map((watchers, at) =>
  outage(SLATE_CHANNELS[at], watchers, {
    slate: true,
    name: `${watchers.map(watcherName).join(' and ')} play the slate while their encoder is away`,
  }),
);

// One channel of a server of its own, whose lists are longer than memory is after a restart.
const SOUGHT = 'seek';
export const soughtChannel = () => channelText(SOUGHT, '', 'window = "5m"\n');
const seeks = [WATCHERS[1], [WATCHERS[0][1], WATCHERS[2][0]]].map((watchers) => ({
  kind: 'seek',
  channel: SOUGHT,
  file: '30.mp4',
  watchers: watchers.map((watcher) => ({ ...watcher, name: watcherName(watcher) })),
  fast: false,
  name: `${watchers.map(watcherName).join(' and ')} seek back over restarts of encoder and server`,
}));

// The reckoned latency stands on the page only when playlists, dates and segments agree.
const demoPage = {
  kind: 'page',
  name: 'Chromium plays the demo page',
  fast: true,
  expect: ({ found }) => (/\d s$/.test(found) ? [] : [`the page shows the latency as ${found}`]),
};

export const CASES = [demoPage, ...plays, ...reads, ...pasts, ...pairs, ...outages, ...slates, ...seeks];
