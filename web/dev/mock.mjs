// A stand-in for the server: serves dist/ under the real Content-Security-Policy with a made-up fleet behind the API.
// `node dev/mock.mjs [--port N] [--empty]`; prints its address. The password is anything of 12 characters.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { alarms, rules, series, shadows, things, valueAt } from './fleet.mjs';
import { picture } from './picture.mjs';
import { accept } from './ws.mjs';

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const dist = new URL('../dist/', import.meta.url).pathname;
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};
const CONFIRM_MS = 2000;

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

function merge(target, change, stamps) {
  for (const [key, value] of Object.entries(change)) {
    if (value === null) {
      delete target[key];
      delete stamps[key];
    } else if (typeof value === 'object' && !Array.isArray(value)) {
      target[key] = typeof target[key] === 'object' && target[key] !== null ? target[key] : {};
      stamps[key] = stamps[key] && !stamps[key].timestamp ? stamps[key] : {};
      merge(target[key], value, stamps[key]);
    } else {
      target[key] = value;
      stamps[key] = { timestamp: Math.floor(Date.now() / 1000) };
    }
  }
}

// The life of every thing, and what it does beside its limits.
const NEXT = ['maintenance', 'decommission'];
const LIFE = [
  { at: '2026-01-05T08:00:00Z', by: 'system', event: 'moved', from: 'provisioning', to: 'activation', reason: 'its first credential' },
  { at: '2026-01-05T08:02:11Z', by: 'system', event: 'moved', from: 'activation', to: 'operation', reason: 'its first accepted connection' },
];
const LIMITS = { messages_per_second: 20_000, bytes_per_second: 1 << 26, refusals: 20, connects: 100, response: 'quarantine' };
const USE = { messages_per_second: 0, bytes_per_second: 0, message_bytes: 0, refusals: 12, connects: 1 };

export function startMock({ port = 0, empty = false } = {}) {
  const fleet = empty
    ? { things: [], series: [], alarms: [], rules: [] }
    : { things: structuredClone(things), series, alarms: structuredClone(alarms), rules: structuredClone(rules) };
  const state = { signedIn: new Set(), links: new Set(), messages: 918_233, started: Date.now(), timers: [] };
  const tell = (message) => state.links.forEach((link) => link.text(message));

  const shadowOf = (name) => {
    const found = shadows.get(name);
    if (!found) throw new Refusal(404, 'not_found', 'The thing has no shadow.');
    return found;
  };
  const shadowAnswer = (s) => ({
    state: { desired: s.desired, reported: s.reported },
    metadata: s.stamps,
    version: s.version,
    timestamp: Math.floor(Date.now() / 1000),
  });
  const shadowTell = (name, s) =>
    tell({ type: 'shadow', thing: name, version: s.version, desired: s.desired, reported: s.reported, delta: {} });
  // The device confirms after two seconds; a speed above 100 it cannot reach and answers with what it does; "ghost" it never answers.
  const confirmLater = (name, desired) => {
    const timer = setTimeout(() => {
      const s = shadowOf(name);
      const answer = structuredClone(desired);
      delete answer.ghost;
      if (answer.speed > 100) answer.speed = 100;
      merge(s.reported, answer, s.stamps.reported);
      s.version++;
      shadowTell(name, s);
    }, CONFIRM_MS);
    state.timers.push(timer);
  };
  const alarmOf = (id) => {
    const alarm = fleet.alarms.find((a) => a.id === id);
    if (!alarm) throw new Refusal(404, 'not_found', 'There is no such alarm.');
    tell({ type: 'alarm', alarm });
    return alarm;
  };
  const signIn = (password, response) => {
    if (String(password ?? '').length < 12) throw new Refusal(401, 'unauthenticated', 'User or password is wrong.');
    const cookie = Math.random().toString(36).slice(2);
    state.signedIn.add(cookie);
    response.setHeader('Set-Cookie', `dunlin_session=${cookie}; HttpOnly; SameSite=Strict; Path=/`);
    return { signed_in: true, user: { name: 'admin', permissions: ['*'] } };
  };

  const routes = {
    'GET session': ({ cookie }) =>
      state.signedIn.has(cookie) ? { signed_in: true, user: { name: 'admin', permissions: ['*'] } } : { signed_in: false },
    'POST session': ({ body, response }) => signIn(body.password, response),
    'POST session/claim': ({ body, response }) => {
      if (body.token === 'used')
        throw new Refusal(410, 'gone', 'This link has been used. Print a new one with "dunlin user claim".');
      return signIn(body.password, response);
    },
    'DELETE session': ({ cookie }) => (state.signedIn.delete(cookie), {}),
    'GET things': ({ query }) => {
      const limit = Number(query.get('limit') ?? 100);
      const rest = fleet.things
        .filter((t) => t.name > (query.get('after') ?? ''))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const page = rest.slice(0, limit).map(({ online: _online, last_seen: _seen, ...thing }) => ({ ...thing, lifecycle: 'operation' }));
      return rest.length > limit ? { things: page, next: page.at(-1).name } : { things: page };
    },
    'GET presence': () => ({
      presence: fleet.things
        .filter((t) => t.last_seen)
        .map((t) => ({
          thing: t.name,
          online: t.online,
          reason: 'connected',
          gateway: t.gateway ?? '',
          changed_at: new Date(t.last_seen).toISOString(),
          last_seen: new Date(t.last_seen).toISOString(),
        })),
    }),
    'POST things': ({ body }) => {
      if (fleet.things.some((t) => t.name === body.name))
        throw new Refusal(409, 'conflict', `There is a thing “${body.name}” already.`);
      const thing = { attributes: {}, online: false, last_seen: null, gateway: null, ...body };
      fleet.things.push(thing);
      tell({
        type: 'thing',
        thing: { name: thing.name, type: thing.type, attributes: thing.attributes, gateway: '' },
      });
      return thing;
    },
    'DELETE things/*': ({ name }) => (
      fleet.things.splice(
        fleet.things.findIndex((t) => t.name === name),
        1,
      ),
      {}
    ),
    'POST things/*/tokens': () => ({
      token: `dt_${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`,
    }),
    'GET things/*/shadow': ({ name }) => shadowAnswer(shadowOf(name)),
    'PATCH things/*/shadow': ({ name, body }) => {
      const s = shadows.get(name) ?? { version: 0, desired: {}, reported: {}, stamps: { desired: {}, reported: {} } };
      shadows.set(name, s);
      merge(s.desired, body.state.desired ?? {}, s.stamps.desired);
      s.version++;
      shadowTell(name, s);
      if (fleet.things.find((t) => t.name === name)?.online) confirmLater(name, body.state.desired ?? {});
      return shadowAnswer(s);
    },
    'GET things/*/lifecycle': ({ name }) => ({ thing: name, lifecycle: 'operation', next: NEXT, events: LIFE }),
    'GET things/*/behaviour': ({ name }) => ({ thing: name, own: { refusals: 20 }, in_force: LIMITS, use: USE }),
    'GET series/last': ({ query }) => ({
      series: fleet.series
        .filter((s) => !query.get('device') || s.device === query.get('device'))
        .map((s) => ({
          device: s.device,
          channel: s.channel,
          unit: s.unit,
          t: Date.now() - (Date.now() % s.every),
          value: valueAt(s, Date.now() - (Date.now() % s.every)),
        })),
    }),
    'GET series/range': ({ query }) => {
      const s = fleet.series.find((x) => x.device === query.get('device') && x.channel === query.get('channel'));
      if (!s) throw new Refusal(404, 'not_found', 'There is no such series.');
      const [from, to, points] = ['from', 'to', 'points'].map((key) => Number(query.get(key)));
      const step = Math.max(s.every, (to - from) / points);
      const t = [];
      for (let at = Math.ceil(from / step) * step; at <= to; at += step) t.push(Math.round(at));
      return { device: s.device, channel: s.channel, unit: s.unit, t, value: t.map((at) => valueAt(s, at)) };
    },
    'GET alarms': () => ({ alarms: fleet.alarms }),
    'POST alarms/*/acknowledge': ({ name }) =>
      Object.assign(alarmOf(name), { state: 'acknowledged', acknowledged_at: Date.now(), acknowledged_by: 'admin' }),
    'GET alarms/*/history': ({ name }) => ({
      history: [{ at: alarmOf(name).raised_at, what: 'raised', by: 'bearing', why: alarmOf(name).message }],
      comments: [{ at: Date.now() - 60_000, what: 'commented', by: 'admin', why: 'The grease is on its way.' }],
    }),
    'POST alarms/*/shelve': ({ name, body }) =>
      Object.assign(alarmOf(name), {
        state: 'shelved',
        shelved: { until: Date.now() + body.minutes * 60_000, by: 'admin', reason: body.reason },
      }),
    'POST alarms/*/unshelve': ({ name }) => Object.assign(alarmOf(name), { state: 'active', shelved: null }),
    'POST alarms/*/comments': ({ name }) => Object.assign(alarmOf(name), { comments: (alarmOf(name).comments ?? 0) + 1 }),
    'POST alarms/*/clear': ({ name }) => Object.assign(alarmOf(name), { state: 'cleared', cleared_at: Date.now() }),
    'GET rules': () => ({ rules: fleet.rules }),
    'PUT rules/*': ({ name, body }) => {
      if (Object.keys(body).some((key) => !['sql', 'description', 'enabled', 'actions'].includes(key)))
        throw new Refusal(400, 'invalid_argument', 'unknown field');
      if (!/^\s*select\b/i.test(body.sql))
        throw new Refusal(400, 'invalid_argument', 'sql: line 1, column 1: expected SELECT');
      const rule = { name, ...body };
      const at = fleet.rules.findIndex((r) => r.name === name);
      fleet.rules.splice(at < 0 ? fleet.rules.length : at, at < 0 ? 0 : 1, rule);
      return rule;
    },
    'DELETE rules/*': ({ name }) => (
      fleet.rules.splice(
        fleet.rules.findIndex((r) => r.name === name),
        1,
      ),
      {}
    ),
    'GET status': () => ({
      version: '0.1.0',
      uptime_seconds: 93_784 + (Date.now() - state.started) / 1000,
      memory: { level: 'normal', resident_bytes: 96 << 20, budget_bytes: 1 << 30 },
      disk: { free_bytes: 42e9 },
      listeners: [
        { name: 'mqtt', address: '127.0.0.1:1883' },
        { name: 'mqtts', address: '0.0.0.0:8883' },
        { name: 'http', address: '127.0.0.1:8080' },
        { name: 'https', address: '0.0.0.0:8443' },
      ],
      counts: {
        things: fleet.things.length,
        sessions: fleet.things.length,
        messages_received: state.messages,
        messages_sent: state.messages * 2,
        subscriptions: 61,
        series: fleet.series.length,
      },
    }),
  };

  const answerApi = async (request, response, url) => {
    const parts = url.pathname.slice(5).split('/').map(decodeURIComponent);
    const pattern = parts
      .map((part, i) => (i === 1 && /^(things|alarms|rules)$/.test(parts[0]) ? '*' : part))
      .join('/');
    const cookie = /dunlin_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    const open = pattern === 'session/claim' || (pattern === 'session' && request.method !== 'DELETE');
    if (!open && !state.signedIn.has(cookie)) throw new Refusal(401, 'unauthenticated', 'Sign in first.');
    if (request.method !== 'GET' && request.headers['x-dunlin-request'] !== '1')
      throw new Refusal(403, 'permission_denied', 'The header X-Dunlin-Request is missing.');
    const route = routes[`${request.method} ${pattern}`];
    if (!route) throw new Refusal(404, 'not_found', 'There is no such operation.');
    let text = '';
    for await (const piece of request) text += piece;
    return route({ name: parts[1], query: url.searchParams, body: text ? JSON.parse(text) : {}, response, cookie });
  };

  const serveFile = async (path, response) => {
    const file = normalize(path === '/' ? '/index.html' : path);
    try {
      const body = await readFile(join(dist, file));
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
    }
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    response.setHeader('Content-Security-Policy', CSP);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (!url.pathname.startsWith('/api/')) return serveFile(url.pathname, response);
    try {
      const answer = await answerApi(request, response, url);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    } catch (error) {
      response
        .writeHead(error.status ?? 500, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ error: { code: error.code ?? 'internal', message: error.message } }));
    }
  });

  server.on('upgrade', (request, socket) => {
    const cookie = /dunlin_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    if (request.url !== '/api/live' || !state.signedIn.has(cookie))
      return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    const link = accept(request, socket, (text) => {
      if (!JSON.parse(text).subscribe) return;
      fleet.series.forEach(({ id, device, channel, unit }) =>
        link.text({ type: 'series', id, device, channel, unit }),
      );
      state.links.add(link);
    });
    socket.on('close', () => state.links.delete(link));
  });

  const sendSamples = () => {
    const now = Date.now();
    const online = new Set(fleet.things.filter((t) => t.online).map((t) => t.name));
    const due = fleet.series.filter((s) => online.has(s.device) && s.device !== 'hall-04' && now % s.every < 100);
    state.messages += due.length * 3;
    if (due.length === 0) return;
    const timeAt = (8 + 4 * due.length + 7) & ~7;
    const frame = Buffer.alloc(timeAt + 16 * due.length);
    frame.set([1, 1, 0, 0]);
    frame.writeUInt32LE(due.length, 4);
    due.forEach((s, i) => {
      frame.writeUInt32LE(s.id, 8 + 4 * i);
      frame.writeDoubleLE(now, timeAt + 8 * i);
      frame.writeDoubleLE(valueAt(s, now), timeAt + 8 * (due.length + i));
    });
    state.links.forEach((link) => link.binary(frame));
  };
  const sendPictures = () => {
    for (const [i, thing] of fleet.things.filter((t) => t.type === 'camera').entries()) {
      const png = picture(((Date.now() / 4000) % 1000) + i * 3);
      const head = Buffer.from([2, 1, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32LE(png.length, 4);
      tell({ type: 'frame', device: thing.name, channel: 'frame', content_type: 'image/png', at: new Date().toISOString() });
      state.links.forEach((link) => link.binary(Buffer.concat([head, png])));
    }
  };
  const flicker = () => {
    const thing = fleet.things.find((t) => t.name === 'store-04');
    if (!thing) return;
    Object.assign(thing, { online: !thing.online, last_seen: Date.now() });
    tell({ type: 'presence', thing: thing.name, online: thing.online, at: thing.last_seen });
  };
  state.timers.push(setInterval(sendSamples, 100), setInterval(sendPictures, 1000), setInterval(flicker, 7000));

  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        dropLinks: () => state.links.forEach((link) => link.close()),
        close: () => {
          state.timers.forEach(clearInterval);
          state.links.forEach((link) => link.close());
          server.closeAllConnections();
          return new Promise((done) => server.close(done));
        },
      }),
    );
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const at = process.argv.indexOf('--port');
  const mock = await startMock({
    port: at > 0 ? Number(process.argv[at + 1]) : 0,
    empty: process.argv.includes('--empty'),
  });
  console.log(`mock server: ${mock.url}`);
}
