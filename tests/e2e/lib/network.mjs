// What a page asked the network for, seen from the browser's side (so preflights and the media
// element's own requests are there too).

// A part as the origin names it: p{period}-{decode time}.
const PART = /\/p\d+-\d+\.(m4s|ts)$/;

// Watches `page` from now on. Requests to the origins in `ours` (the players' page) are left out.
// The returned function gives the record so far.
export async function watchNetwork(page, ours) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const open = new Map();
  const record = { total: 0, byStatus: {}, parts: 0, preflights: 0, cancelled: 0, bytes: 0 };
  const failing = new Map();
  const count = (status) => (record.byStatus[status] = (record.byStatus[status] ?? 0) + 1);
  const failed = (url, why) => {
    const key = `${why} ${url}`;
    failing.set(key, (failing.get(key) ?? 0) + 1);
  };
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    const { url, method } = request;
    if (!/^https?:/.test(url) || ours.some((origin) => url.startsWith(origin))) return;
    record.total += 1;
    if (method === 'OPTIONS') record.preflights += 1;
    else if (PART.test(new URL(url).pathname)) record.parts += 1;
    open.set(requestId, url);
  });
  session.on('Network.responseReceived', ({ requestId, response }) => {
    const url = open.get(requestId);
    if (url === undefined) return;
    count(response.status);
    if (response.status >= 400) failed(url, response.status);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (open.delete(requestId)) record.bytes += encodedDataLength;
  });
  session.on('Network.loadingFailed', ({ requestId, canceled, errorText, corsErrorStatus }) => {
    const url = open.get(requestId);
    if (!open.delete(requestId)) return;
    if (canceled || errorText === 'net::ERR_ABORTED') {
      record.cancelled += 1;
      return;
    }
    count('failed');
    failed(url, corsErrorStatus ? `CORS ${corsErrorStatus.corsError}` : errorText);
  });
  return () => ({
    ...record,
    failing: [...failing].map(([what, times]) => (times > 1 ? `${what} (${times} times)` : what)),
  });
}
