// The OpenAPI document on what is no operation: what other protocols have over HTTP.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { start } from './lib/server.mjs';

let server;
let document;
let operations;
let plain;

before(async () => {
  server = await start();
  document = (await server.request('GET', '/api/openapi.json')).json;
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  plain = all.filter(({ operation }) => operation['x-protocol']);
  operations = all.filter(({ operation }) => !operation['x-protocol']);
});

test('left out the routes of the line protocol, of packs, of live pages and of enrolment', async () => {
  const named = plain.map(({ method, path }) => `${method} ${path}`);
  // A route that is described nowhere ends the program at its start; these must not have gone.
  for (const route of ['post /write', 'post /api/v2/write', 'get /ping', 'post /api/series/senml', 'get /api/live', 'get /mqtt', 'get /metrics',
    'get /healthz', 'get /readyz', 'get /.well-known/est/cacerts', 'post /.well-known/est/simpleenroll', 'post /.well-known/est/simplereenroll',
    'get /pki/{file}', 'post /pki/ocsp', 'get /pki/ocsp/{request}', 'get /api/openapi.json'])
    assert(named.includes(route), route);
  assert(operations.some(({ method, path }) => method === 'post' && path === '/api/series/write'));
  const ids = plain.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const { path, method, operation } of plain) {
    const where = `${method} ${path}`;
    assert(operation.summary, where);
    assert.deepEqual(operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name), [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]), where);
    for (const scheme of operation.security.flatMap(Object.keys)) assert(document.components.securitySchemes[scheme], `${where}: ${scheme}`);
    const { status, text } = await server.request(method.toUpperCase(), path.replace(/\{\w+\}/, 'root.pem'), {});
    assert(Object.keys(operation.responses).includes(String(status)), `${where}: ${status} ${text}`);
  }
});

test('what it says of lines and packs holds', async () => {
  const of = (path) => document.paths[path].post;
  const { token } = { token: server.adminToken };
  const lines = (path, headers) => server.request('POST', path, { token, body: Buffer.from('oven,device=o1 heat=1'), headers: { 'Content-Type': 'text/plain', ...headers } });
  for (const path of ['/write', '/api/v2/write']) {
    assert.equal((await lines(`${path}?precision=s`)).status, 204, path);
    assert(of(path).responses['204'] && of(path).parameters.some(({ name }) => name === 'precision'), path);
    assert.equal((await lines(path, { 'Content-Encoding': 'br' })).status, 415, path);
  }
  const pack = Buffer.from('[{"n":"o1/heat","v":2}]');
  for (const [type, status] of [['application/senml+json', 204], ['text/plain', 415]])
    assert.equal((await server.request('POST', '/api/series/senml', { token, body: pack, headers: { 'Content-Type': type } })).status, status, type);
});
