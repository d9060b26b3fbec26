// SIGKILL at random moments while devices enrol (by code, EST and registration) and renew, and operators revoke certificates, change
// policies and attributes, make things and activate them, put them into maintenance and quarantine and back, remove and decommission them. After each restart: what was acknowledged holds; what was under way is wholly there or can be tried
// again; certificates, things and the audit log agree. DUNLIN_CRASHES: how many kills (200 for the full run).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import { bodyOf, certificateOfBag, fingerprintOf, makeAuthority, makeIdentities } from './lib/identities.mjs';
import { sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const CRASHES = Number(process.env.DUNLIN_CRASHES ?? 10);
const WRITERS = 5;
const SAMPLE = 8; // things of earlier lives that are looked at again after each restart
const POLICY = 'crash';
const ENDS = ['revocation', 'removal', 'decommission'];
const STEPS = { maintenance: 'thing.move', operation: 'thing.move', quarantine: 'thing.quarantine', release: 'thing.release', attribute: 'thing.update' };
const folder = temporaryFolder('identity-crash');
const checked = {
  code: 0, est: 0, registration: 0, renewal: 0, revocation: 0, policy: 0, removal: 0, decommission: 0,
  activation: 0, maintenance: 0, operation: 0, quarantine: 0, release: 0, attribute: 0, retried: 0, kills: 0,
};
let server;
let authority;
let life = 0;

/** What the operations have been told, and what they were doing when the server went. */
const acknowledged = []; // {kind, name, ...}
let pending = new Set();
const active = []; // {name, key, cert}: certificates that must work
const revoked = []; // those that must not
const steps = []; // {kind, name} of things' lives, acknowledged
const lives = new Map(); // by name, what was acknowledged: {stage, held, attribute}
let policyWritten = 0;
let attributesWritten = 0;
let policyVersions = 0;

class Gone extends Error {}

/** A request; Gone when the server was killed before it answered. */
async function ask(method, path, options = {}) {
  const { status, text } = await server.request(method, path, { tls: true, token: options.cert || options.headers ? undefined : server.adminToken, ...options }).catch((error) => {
    throw new Gone(error.message);
  });
  return { status, text };
}
function must(answer, ...statuses) {
  assert(statuses.includes(answer.status), `${answer.status} ${answer.text}`);
  return answer;
}

const est = (path, csr, options) => ask('POST', `/.well-known/est/${path}`, { ...options, body: bodyOf(csr), headers: { 'Content-Type': 'application/pkcs10', ...options.headers } });
const basic = (name, code) => ({ Authorization: `Basic ${Buffer.from(`${name}:${code}`).toString('base64')}` });

/** Each: how it is begun and done; `again` is the same call, so a device that got no answer can try it again. */
const operations = {
  async code(one) {
    if (!one.code) one.code = JSON.parse(must(await ask('POST', '/api/enrolment/codes', { body: { thing: one.name } }), 200, 201).text).code;
    one.begun = true;
    const answer = must(await ask('POST', '/api/enrol', { body: { code: one.code, csr: one.csr }, headers: {} }), 200, 201);
    one.cert = JSON.parse(answer.text).certificate;
  },
  async est(one) {
    if (!one.code) one.code = JSON.parse(must(await ask('POST', '/api/enrolment/codes', { body: { thing: one.name } }), 200, 201).text).code;
    one.begun = true;
    one.bag = must(await est('simpleenroll', one.csr, { headers: basic(one.name, one.code) }), 200).text;
  },
  async registration(one) {
    one.begun = true;
    const body = { device_id: one.name, firmware_version: '1', model: 'm', capabilities: [], certificate: one.cert };
    must(await ask('POST', '/api/devices/register', { body, cert: one.cert, key: one.key }), 200, 201);
  },
  async renewal(one) {
    one.begun = true;
    one.bag = must(await est('simplereenroll', one.csr, { cert: one.old.cert, key: one.old.key }), 200).text;
  },
  async revocation(one) {
    one.begun = true;
    must(await ask('DELETE', `/api/certificates/${fingerprintOf(one.old.cert)}`), 200, 204);
  },
  async removal(one) {
    one.begun = true;
    must(await ask('DELETE', `/api/things/${one.old.name}`), 200, 204, 404);
  },
  async decommission(one) {
    one.begun = true;
    must(await ask('PUT', `/api/things/${one.old.name}/lifecycle/decommission`, { body: { reason: 'scrapped' } }), 200);
  },
  async activation(one) {
    one.begun = true;
    // 409: the call that was not answered had made it.
    must(await ask('POST', '/api/things', { body: { name: one.name } }), 200, 201, 409);
    must(await ask('POST', `/api/things/${one.name}/tokens`, { body: {} }), 200, 201);
  },
  maintenance: (one) => move(one, 'maintenance'),
  operation: (one) => move(one, 'operation'),
  async quarantine(one) {
    one.begun = true;
    must(await ask('PUT', `/api/things/${one.old.name}/quarantine`, { body: { reason: 'odd traffic' } }), 200);
  },
  async release(one) {
    one.begun = true;
    must(await ask('DELETE', `/api/things/${one.old.name}/quarantine`), 200);
  },
  async attribute(one) {
    one.begun = true;
    must(await ask('PATCH', `/api/things/${one.old.name}`, { body: { attributes: { round: String(one.number) } } }), 200);
  },
  async policy(one) {
    one.begun = true;
    const statements = [{ effect: 'allow', actions: ['mqtt:publish'], resources: [`topic/crash/${one.number}`] }];
    must(await ask('PUT', `/api/policies/${POLICY}`, { body: { document: { description: String(one.number), statements } } }), 200, 201, 204);
    ++policyVersions;
  },
};

async function move(one, stage) {
  const { name } = one.old;
  // The step to operation, by the first connection, is not the answer to anybody: a kill may have come before it.
  if (JSON.parse(must(await ask('GET', `/api/things/${name}`), 200).text).lifecycle === 'activation') await works(one.old);
  one.begun = true;
  must(await ask('PUT', `/api/things/${name}/lifecycle/${stage}`, { body: { reason: 'new bearings' } }), 200);
}

const lifeOf = (name) => lives.get(name) ?? {};
const isHeld = ({ name }) => lifeOf(name).held === true;

const without = (list, gone) => list.splice(0, list.length, ...list.filter((one) => !gone.includes(one)));

/** A certificate whose thing nobody else is busy with; it is taken off the list of those that must work until the outcome is known. */
function takeOne(fits = () => true) {
  const busy = new Set([...pending, ...acknowledged].map((one) => one.name ?? one.old?.name));
  const free = active.filter((one) => !busy.has(one.name) && fits(one));
  const one = free[Math.floor(Math.random() * free.length)];
  if (one) without(active, [one]);
  return one;
}

/** One that its life allows. */
function stepFor(one) {
  const { stage, held } = lifeOf(one.name);
  const kinds = [stage === 'maintenance' ? 'operation' : 'maintenance', held ? 'release' : 'quarantine', 'attribute'];
  return kinds[Math.floor(Math.random() * kinds.length)];
}

function choose(fresh) {
  const dice = Math.random();
  if (dice < 0.12) {
    const old = takeOne();
    if (old) return { kind: 'revocation', old };
  } else if (dice < 0.2) {
    const old = takeOne();
    const others = active.filter(({ name }) => name === old?.name);
    without(active, others);
    if (old) return { kind: Math.random() < 0.5 ? 'removal' : 'decommission', old, others };
  } else if (dice < 0.32) {
    const request = fresh.renewals.pop();
    const old = request && takeOne((one) => one === request.of && !isHeld(one));
    if (old) return { kind: 'renewal', old, ...request };
  } else if (dice < 0.5) {
    const old = takeOne();
    if (old) return { kind: stepFor(old), old, number: ++attributesWritten };
  } else if (dice > 0.55) {
    const kinds = ['code', 'est', 'registration', 'activation'].filter((kind) => fresh[kind].length > 0);
    const kind = kinds[Math.floor(Math.random() * kinds.length)];
    if (kind) return { kind, ...fresh[kind].pop() };
  }
  return { kind: 'policy', number: ++policyWritten };
}

/** What is known of the certificates once an operation was acknowledged. */
async function settle(one) {
  if (one.bag) one.cert = await certificateOfBag(one.bag);
  if (STEPS[one.kind]) {
    const { name } = one.old;
    active.push(one.old);
    steps.push({ kind: one.kind, name });
    if (one.kind === 'attribute') lives.set(name, { ...lifeOf(name), attribute: String(one.number) });
    else if (STEPS[one.kind] === 'thing.move') lives.set(name, { ...lifeOf(name), stage: one.kind });
    else lives.set(name, { ...lifeOf(name), held: one.kind === 'quarantine' });
  } else if (one.kind === 'activation') lives.set(one.name, { stage: 'activation' });
  else if (ENDS.includes(one.kind)) {
    revoked.push(one.old, ...(one.others ?? []));
    if (one.kind !== 'revocation') lives.delete(one.old.name);
  } else if (one.kind === 'renewal') active.push({ name: one.old.name, key: one.key, cert: one.cert, ours: true }, { ...one.old, ours: false });
  else if (one.kind !== 'policy') active.push({ name: one.name, key: one.key, cert: one.cert, ours: one.kind !== 'registration' });
  checked[one.kind]++;
}

/** Works until the server is gone; gives what it was doing then. */
async function writer(fresh) {
  for (;;) {
    const one = choose(fresh);
    pending.add(one);
    try {
      await operations[one.kind](one);
    } catch (error) {
      if (error instanceof Gone) return;
      throw new Error(`life ${life}, ${one.kind} of ${one.name ?? one.old?.name}: ${error.message}`);
    }
    pending.delete(one);
    acknowledged.push(one);
  }
}

/** Whether the certificate lets a device in and lets it publish. */
function works({ name, key, cert }) {
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(`mqtts://localhost:${server.ports.mqtts}`, { clientId: name, key, cert, ca: server.root, protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 20_000 });
    const done = (value) => {
      client.end(true);
      resolve(value);
    };
    client.on('connect', () => client.publish(`demo/plant1/machine/${name}/x`, '1', { qos: 1 }, (error) => done(!error)));
    client.on('error', () => done(false));
    client.on('close', () => done(false));
    setTimeout(() => reject(new Error(`${name}: no answer to CONNECT`)), 20_000).unref();
  });
}

const sample = (list, count) => Array.from({ length: Math.min(count, list.length) }, () => list[Math.floor(Math.random() * list.length)]);

const lifeNow = async (name) => {
  const thing = await server.api('GET', `/api/things/${name}`);
  return { stage: thing.lifecycle, held: thing.quarantine !== undefined, attribute: thing.attributes.round };
};

/** A step that was not answered was made, or was not. What the device may do agrees with it. */
async function isBeforeOrBehind({ kind, old, number }) {
  const { stage = 'operation', held = false, attribute } = lifeOf(old.name);
  const now = await lifeNow(old.name);
  assert.equal(await works(old), !now.held, `${old.name}: in quarantine: ${now.held}`);
  const isMove = STEPS[kind] === 'thing.move';
  // "activation": nobody had connected in earnest yet.
  assert((isMove ? [stage, kind, 'activation'] : [stage, 'activation']).includes(now.stage), `${old.name}: ${kind} from ${stage}, now ${now.stage}`);
  assert((kind === 'quarantine' || kind === 'release' ? [true, false] : [held]).includes(now.held), `${old.name}: ${kind}, in quarantine: ${now.held}`);
  assert((kind === 'attribute' ? [attribute, String(number)] : [attribute]).includes(now.attribute), `${old.name}: ${kind}, attribute ${now.attribute}`);
}

/** What was acknowledged of things' lives is what they are now. */
async function livesHold(names) {
  for (const name of names) {
    const known = lives.get(name);
    if (!known) continue;
    const now = await lifeNow(name);
    for (const [what, value] of Object.entries(known)) assert.equal(now[what], value, `life ${life}: ${name}: ${what}`);
  }
}

/** What was under way when the server went: either all of it is there, or it can be done again. */
async function finish(one) {
  if (ENDS.includes(one.kind)) {
    const { name, cert } = one.old;
    const stored = await server.api('GET', `/api/certificates/${fingerprintOf(cert)}`);
    assert.equal(await works(one.old), stored.state === 'active' && !isHeld(one.old), `${name}: the register says ${stored.state}`);
    if (one.kind === 'removal') {
      const { status } = await ask('GET', `/api/things/${name}`);
      assert.equal(status === 404, stored.state === 'revoked', `${name}: thing (${status}) and certificate (${stored.state}) go together`);
    }
    if (one.kind === 'decommission') {
      const { lifecycle } = await server.api('GET', `/api/things/${name}`);
      assert.equal(lifecycle === 'decommission', stored.state === 'revoked', `${name}: stage ${lifecycle}, certificate ${stored.state}`);
    }
  }
  if (STEPS[one.kind]) await isBeforeOrBehind(one);
  if (one.kind === 'renewal') assert(await works(one.old), `${one.old.name}: a renewal that was not answered leaves the old certificate`);
  if (!one.begun) {
    // Only the code was asked for; who asked does not know it.
    if (one.old) active.push(one.old);
    return;
  }
  await operations[one.kind](one);
  checked.retried++;
  acknowledged.push(one);
}

/** Things and certificates go together: no thing that enrolled is without a certificate, and no active certificate without a thing. */
async function recordsAgree(names) {
  for (const name of names) {
    const { status } = await ask('GET', `/api/things/${name}`);
    const { certificates } = await server.api('GET', `/api/certificates?thing=${name}`);
    const live = certificates.filter((one) => one.state === 'active');
    if (status === 404) assert.deepEqual(live, [], `${name} is not there, its certificates are`);
    else if (!name.startsWith('activation-')) assert(certificates.length > 0, `${name} is there without a certificate`);
  }
}

async function auditHolds() {
  const { code, stderr } = await server.cli('audit', 'verify');
  assert.equal(code, 0, `life ${life}: ${stderr}`);
}

async function checkAll() {
  await auditHolds();
  const interrupted = [...pending];
  pending = new Set();
  await recordsAgree(interrupted.map((one) => one.name ?? one.old?.name).filter(Boolean));
  for (const one of interrupted) await finish(one);
  const settled = acknowledged.splice(0);
  for (const one of settled) await settle(one);
  const touched = new Set(settled.flatMap((one) => [one.name, one.old?.name]).filter(Boolean));
  for (const one of [...active.filter(({ name }) => touched.has(name)), ...sample(active, SAMPLE)])
    assert.equal(await works(one), !isHeld(one), `life ${life}: ${one.name} may ${isHeld(one) ? 'not ' : ''}publish since before the kill, and now it is otherwise`);
  await livesHold([...touched, ...sample([...lives.keys()], SAMPLE)]);
  for (const one of [...revoked.filter(({ name }) => touched.has(name)), ...sample(revoked, SAMPLE)]) assert(!(await works(one)), `life ${life}: ${one.name} was revoked, and is let in`);
  if (policyVersions > 0) {
    const { document, version } = await server.api('GET', `/api/policies/${POLICY}`);
    assert(version >= policyVersions, `version ${version} of the policy after ${policyVersions} acknowledged changes`);
    assert(Number(document.description) >= 1 && Number(document.description) <= policyWritten);
    assert.equal(document.statements[0].resources[0], `topic/crash/${document.description}`, 'a policy is of one piece');
  }
}

async function freshIdentities() {
  const names = (kind, count) => Array.from({ length: count }, (_, i) => `${kind}-${life}-${i}`);
  const make = (kind, count, by) => makeIdentities(join(folder, `${life}-${kind}`), names(kind, count), by);
  const [code, est, registration] = await Promise.all([make('code', 12), make('est', 8), make('reg', 12, authority)]);
  // A renewal asks for a new key; the name is the old certificate's, so these requests are made when it is known.
  const ours = active.filter((one) => one.ours && !isHeld(one)).slice(0, 4);
  const renewals = [];
  for (const one of ours) renewals.push({ ...(await makeIdentities(join(folder, `${life}-renew-${one.name}`), [one.name]))[0], of: one });
  return { code, est, registration, renewals, activation: names('activation', 6).map((name) => ({ name })) };
}

before(async () => {
  server = await start();
  authority = await makeAuthority(folder, 'Crash CA');
  const { code } = await server.api('POST', '/api/authorities/code', {});
  const [proof] = await makeIdentities(join(folder, 'proof'), [code], authority);
  await server.api('POST', '/api/authorities', { certificate: readFileSync(authority.cert, 'utf8'), proof: proof.cert, auto_registration: true });
});
after(() => server?.stop());

test(`${CRASHES} times SIGKILL under enrolment, renewal, revocation, the steps of things' lives and changes of policies`, { timeout: 60_000 + CRASHES * 15_000 }, async () => {
  for (life = 0; life < CRASHES; ++life) {
    const fresh = await freshIdentities();
    const writers = Array.from({ length: WRITERS }, () => writer(fresh));
    const failed = Promise.race(writers.map((one) => one.then(() => sleep(60_000), (error) => error)));
    // Somewhere in the middle of the work, however fast this machine is just now.
    const enough = 2 + Math.random() * 10;
    const begun = until(() => acknowledged.length >= enough, 'operations', { interval: 1, timeout: 60_000 }).then(() => sleep(Math.random() * 100));
    const early = await Promise.race([failed, begun]);
    if (early instanceof Error) throw early;
    await server.kill9();
    await Promise.all(writers);
    checked.kills++;
    await server.start();
    await checkAll();
  }
  const acks = Object.entries(checked).filter(([kind]) => kind !== 'kills' && kind !== 'retried');
  console.log(`    ${JSON.stringify(checked)}`);
  assert(acks.reduce((sum, [, count]) => sum + count, 0) > 5 * CRASHES, `too few operations: ${JSON.stringify(checked)}`);
  for (const [kind, count] of acks) if (CRASHES >= 50) assert(count > 0, `no ${kind} was checked`);
  assert(checked.retried > 0, 'no kill came while something was under way');
});

test('every thing, every certificate and every step has its audit record, and each step one', async () => {
  const objects = new Set();
  const told = new Map();
  for (let page = {}, first = true; first || page.next; first = false) {
    page = await server.api('GET', `/api/audit?limit=1000${page.next ? `&before=${page.next}` : ''}`);
    for (const { object, action, detail } of page.records) {
      if (/^(enrolment|certificate|thing)\./.test(action)) objects.add(object.split(' ')[0]);
      // Steps that a thing takes by itself ("activation to operation") are told, too.
      const kind = action === 'thing.move' ? /^(?:operation|maintenance) to (\w+)/.exec(detail)?.[1] : Object.keys(STEPS).find((one) => STEPS[one] === action);
      if (kind) told.set(`${kind} ${object}`, (told.get(`${kind} ${object}`) ?? 0) + 1);
    }
  }
  const { things } = await server.api('GET', '/api/things?limit=1000');
  assert.deepEqual(things.filter(({ name }) => !objects.has(name)), []);
  const made = new Map();
  for (const { kind, name } of steps.filter((one) => one.kind !== 'attribute')) made.set(`${kind} ${name}`, (made.get(`${kind} ${name}`) ?? 0) + 1);
  for (const [step, count] of made) assert.equal(told.get(step), count, step);
  for (const { name } of steps.filter((one) => one.kind === 'attribute')) assert(told.get(`attribute ${name}`) > 0, `attribute ${name}`);
});
