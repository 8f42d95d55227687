// Bodies as encoders push them, and what may be answered.
import http from 'node:http';

const ANSWER_SECONDS = 20;

// Asks for `url` with `body`, whose length is said or not. Gives { status, text }. An answer may
// come before the body is all sent.
export function put(url, body, { length = false } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'PUT', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more) => (text += more));
      response.on('end', () => resolve({ status: response.statusCode, text: text.trim() }));
      response.on('error', reject);
    });
    const late = new Error(`no answer within ${ANSWER_SECONDS} s`);
    request.setTimeout(ANSWER_SECONDS * 1000, () => request.destroy(late));
    request.on('error', reject);
    if (length) request.setHeader('content-length', body.length);
    else request.setHeader('transfer-encoding', 'chunked');
    request.end(body);
  });
}

// The reasons why this is no answer to an encoder.
export function answerFaults({ status, text }) {
  if (status === 200) return [];
  if (status < 400 || status > 499) return [`was answered ${status}: ${text}`];
  return text.split(/\s+/).length < 4 ? [`was answered ${status} without a sentence: ${text}`] : [];
}
