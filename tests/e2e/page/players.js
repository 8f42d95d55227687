// Runs in the page, before measure.js is asked to watch. One adapter a player, all of one shape:
//   create(video, { url, lowLatency, headers, note }) → {
//     start(fail)  begins playback; fail(message) for what the player itself calls fatal
//     latency()    seconds behind live as the player reckons it, or null
//     levels()     what can be chosen: [{ width, height, bandwidth, codecs }]
//     extra()      what only this player knows
//   }
// `note(message)` records an error that the player got over by itself.
'use strict';

const finite = (value) => (Number.isFinite(value) ? Number(value.toFixed(3)) : null);

window.players = {
  hls: {
    library: '/library/hls.js',
    create(video, { url, lowLatency, headers, note }) {
      const hls = new Hls({
        lowLatencyMode: lowLatency,
        xhrSetup: (xhr) => {
          for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
        },
      });
      let parts = 0;
      let deltas = 0;
      hls.on(Hls.Events.FRAG_LOADED, (_, { part }) => {
        if (part) parts += 1;
      });
      hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
        if (details.skippedSegments > 0) deltas += 1;
      });
      return {
        start(fail) {
          hls.on(Hls.Events.ERROR, (_, { fatal, type, details, error, response, url: at }) => {
            const text = [type, details, error?.message, response?.code, at].filter(Boolean);
            (fatal ? fail : note)(`hls.js: ${text.join(', ')}`);
          });
          hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
          hls.loadSource(url);
          hls.attachMedia(video);
        },
        latency: () => finite(hls.latency),
        levels: () =>
          hls.levels.map(({ width, height, bitrate, attrs }) => ({
            width,
            height,
            bandwidth: bitrate,
            codecs: attrs.CODECS,
          })),
        extra() {
          const details = hls.latestLevelDetails;
          return {
            version: Hls.version,
            parts,
            deltas,
            targetLatency: finite(hls.targetLatency),
            targetDuration: details?.targetduration ?? null,
            partTarget: details?.partTarget ?? null,
            blocking: details?.canBlockReload ?? null,
          };
        },
      };
    },
  },

  dash: {
    library: '/library/dash.js',
    create(video, { url, lowLatency, headers, note }) {
      const player = dashjs.MediaPlayer().create();
      const events = dashjs.MediaPlayer.events;
      player.updateSettings({
        debug: { logLevel: 0 },
        streaming: { liveCatchup: { enabled: lowLatency } },
      });
      player.addRequestInterceptor((request) => {
        request.headers = { ...request.headers, ...headers };
        return Promise.resolve(request);
      });
      let updates = 0;
      player.on(events.MANIFEST_LOADED, () => (updates += 1));
      return {
        start(fail) {
          player.on(events.PLAYBACK_ERROR, ({ error }) => fail(`dash.js: ${error?.message}`));
          player.on(events.ERROR, ({ error }) => {
            // A segment that failed is asked for again or left out: the picture decides.
            const soft = /segment|fragment|chunk/i.test(error?.message ?? '');
            (soft ? note : fail)(`dash.js: ${error?.code}, ${error?.message}`);
          });
          player.initialize(video, url, true);
        },
        latency: () => (player.isReady() ? finite(player.getCurrentLiveLatency()) : null),
        levels: () =>
          (player.isReady() ? player.getRepresentationsByType('video') : []).map(
            ({ width, height, bandwidth, codecs }) => ({ width, height, bandwidth, codecs }),
          ),
        extra: () => ({
          version: dashjs.Version ?? player.getVersion(),
          manifests: updates,
          lowLatency: player.isReady() ? player.getLowLatencyModeEnabled() : null,
          targetLatency: player.isReady() ? finite(player.getTargetLiveDelay()) : null,
        }),
      };
    },
  },

  shaka: {
    library: '/library/shaka.js',
    create(video, { url, lowLatency, headers, note }) {
      shaka.polyfill.installAll();
      const player = new shaka.Player();
      player.configure({ streaming: { lowLatencyMode: lowLatency, preferNativeHls: false } });
      if (lowLatency) player.configure({ streaming: { liveSync: { enabled: true } } });
      player.getNetworkingEngine().registerRequestFilter((_, request) => {
        Object.assign(request.headers, headers);
      });
      // What is no error of its own is one it did not expect: only its text says which.
      const words = ({ severity, category, code, data, message }) =>
        code === undefined
          ? `shaka: ${message}`
          : `shaka: severity ${severity}, category ${category}, code ${code}, ${data?.filter((item) => ['string', 'number'].includes(typeof item)).join(', ')}`;
      return {
        async start(fail) {
          player.addEventListener('error', ({ detail }) => {
            const critical = detail.severity === shaka.util.Error.Severity.CRITICAL;
            // Failed requests of a live programme are reported as critical, then tried again.
            const retried = detail.category === shaka.util.Error.Category.NETWORK;
            (critical && !retried ? fail : note)(words(detail));
          });
          await player.attach(video);
          try {
            await player.load(url);
          } catch (error) {
            fail(error.category ? words(error) : `shaka: ${error.message}`);
            return;
          }
          await video.play();
        },
        latency() {
          const shown = player.isLive() ? player.getPlayheadTimeAsDate()?.getTime() : NaN;
          return finite((Date.now() - shown) / 1000);
        },
        levels: () =>
          player.getVariantTracks().map(({ width, height, bandwidth, codecs }) => ({
            width,
            height,
            bandwidth,
            codecs,
          })),
        extra: () => ({
          version: shaka.Player.version,
          lowLatency: player.getConfiguration().streaming.lowLatencyMode,
          targetLatency: finite(player.getConfiguration().streaming.liveSync.targetLatency),
          manifest: player.getManifestType(),
          gapsJumped: player.getStats().gapsJumped,
        }),
      };
    },
  },

  native: {
    library: null,
    create(video, { url }) {
      return {
        start(fail) {
          const kind = /\.m3u8$/.test(new URL(url).pathname) ? 'application/vnd.apple.mpegurl' : '';
          if (kind && video.canPlayType(kind) === '') fail('this browser has no HLS of its own');
          video.src = url;
          return video.play();
        },
        // Chromium gives a live list neither a seekable range nor a start date.
        latency() {
          const start = video.getStartDate?.().getTime();
          return finite((Date.now() - start) / 1000 - video.currentTime);
        },
        levels: () => [],
        extra: () => ({ duration: String(video.duration) }),
      };
    },
  },
};

async function load(library) {
  if (!library) return;
  await new Promise((loaded, missing) => {
    const script = document.createElement('script');
    script.src = library;
    script.onload = loaded;
    script.onerror = () => missing(new Error(`cannot load ${library}`));
    document.head.append(script);
  });
}

// Begins to play and goes on until the page is closed; `motion` says how it goes at any time.
window.watchCase = async ({ player, url, lowLatency, headers }) => {
  const { library, create } = window.players[player];
  await load(library);
  const video = document.querySelector('video');
  const watched = { errors: [], notes: [] };
  const adapter = create(video, { url, lowLatency, headers, note: (message) => watched.notes.push(message) });
  await adapter.start((message) => watched.errors.push(message));
  // Media that advanced within the last `seconds`, a jump over a hole not counted; the latency.
  const trace = [];
  setInterval(() => {
    trace.push({ at: performance.now(), position: video.currentTime });
    if (trace.length > 600) trace.shift();
  }, 50);
  // So many seconds on, or back.
  window.seek = (seconds) => {
    video.currentTime += seconds;
  };
  window.motion = (seconds) => {
    const since = performance.now() - seconds * 1000;
    const recent = trace.filter(({ at }) => at >= since);
    let advanced = 0;
    for (let i = 1; i < recent.length; i += 1) {
      const step = recent[i].position - recent[i - 1].position;
      if (step > 0 && step < 0.5) advanced += step;
    }
    return {
      ...watched,
      advanced: Number(advanced.toFixed(2)),
      latency: adapter.latency(),
      state: `readyState ${video.readyState}, at ${video.currentTime.toFixed(2)}`,
    };
  };
};

// Plays one case and measures it; what play.mjs calls.
window.playCase = async ({ player, url, seconds, startupSeconds, lowLatency, headers }) => {
  const { library, create } = window.players[player];
  await load(library);
  const video = document.querySelector('video');
  const notes = [];
  const note = (message) => notes.push(message);
  const adapter = create(video, { url, lowLatency, headers, note });
  const latencies = [];
  const sampler = setInterval(() => {
    const latency = video.currentTime > 0 ? adapter.latency() : null;
    if (latency !== null && latency !== 0) latencies.push(latency);
  }, 250);
  const seen = await window.measurePlayback(video, {
    seconds,
    startupSeconds,
    start: (fail) => adapter.start(fail),
  });
  clearInterval(sampler);
  latencies.sort((a, b) => a - b);
  return {
    ...seen,
    notes,
    // The median: the first second's distance is not the one a viewer has.
    latency: latencies[Math.floor(latencies.length / 2)] ?? null,
    levels: adapter.levels(),
    extra: adapter.extra(),
  };
};
