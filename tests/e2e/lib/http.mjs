// One HTTP request on a connection of its own, with every header as given.
import http from 'node:http';
import https from 'node:https';

/**
 * {host?, port, ca?, cert?, key?, method, path, headers?, body?, token?, cookie?, csrf?} -> {status, headers, text, json}.
 * A body that is no text or buffer is sent as JSON. With `ca` over TLS, whose certificate is checked.
 */
export function request({ host = '127.0.0.1', port, ca, cert, key, method = 'GET', path, headers = {}, body, token, cookie, csrf }) {
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  const payload = body === undefined ? undefined : raw ? body : JSON.stringify(body);
  const all = {
    ...(payload === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) }),
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(cookie ? { Cookie: cookie } : {}),
    ...(csrf ? { 'X-Dunlin-Request': '1' } : {}),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const options = { host, servername: 'localhost', port, method, path, headers: all, agent: false, ca, cert, key };
    const sent = (ca ? https : http).request(options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text,
          get json() {
            return JSON.parse(text);
          },
        });
      });
    });
    sent.on('error', reject);
    sent.setTimeout(30_000, () => sent.destroy(new Error(`${method} ${path}: no answer in 30 s`)));
    sent.end(payload);
  });
}
