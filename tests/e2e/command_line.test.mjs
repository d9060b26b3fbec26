// The program's own face: help, exit codes, and errors that say what to do.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readFileSync, statSync } from 'node:fs';
import { run } from './lib/program.mjs';
import { binary, start, temporaryFile, temporaryFolder } from './lib/server.mjs';

const dunlin = (...args) => run(binary, args);

/** The names under "Subcommands:" of a help text. */
function subcommands(help) {
  const [, list = ''] = help.split(/^Subcommands:\n/m);
  return [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map((match) => match[1]);
}

describe('help', () => {
  test('every subcommand explains itself', async () => {
    const seen = [];
    const visit = async (words) => {
      const { code, stdout, stderr } = await dunlin(...words, '--help');
      assert.deepEqual([code, stderr], [0, ''], words.join(' '));
      assert.match(stdout, /Usage: /, words.join(' '));
      seen.push(words.join(' '));
      for (const name of subcommands(stdout)) await visit([...words, name]);
    };
    await visit([]);
    for (const expected of ['serve', 'up', 'gateway', 'sim', 'check-config', 'version', 'bench mqtt', 'thing create', 'cert issue', 'shadow update']) {
      assert(seen.includes(expected), `${expected} is among ${seen.length}`);
    }
  });

  test('version', async () => {
    const { code, stdout } = await dunlin('version');
    assert.equal(code, 0);
    assert.match(stdout, /^dunlin \d+\.\d+\.\d+/);
    assert.equal((await dunlin('--version')).stdout, stdout);
  });
});

describe('a wrong command line ends with 2 and says why', () => {
  for (const [words, why] of [
    [[], /subcommand/i],
    [['fly'], /fly/],
    [['serve', '--colour'], /--colour/],
    [['thing'], /subcommand/i],
    [['thing', 'create'], /--name/],
    [['thing', 'get'], /thing/],
    [['alarm', 'acknowledge', ''], /alarm: must not be empty/],
    [['series', 'range', '--device', 'x'], /--channel/],
  ]) {
    test(`dunlin ${words.join(' ')}`, async () => {
      const { code, stdout, stderr } = await dunlin(...words);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, why);
    });
  }
});

describe('errors say what to do', () => {
  test('no server on the folder', async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await dunlin('thing', 'list', '--data', folder);
    assert.equal(code, 1);
    assert.match(stderr, /no server runs on the folder/);
    assert.match(stderr, /dunlin serve --data/);
  });

  test('a server that has been killed', async () => {
    const server = await start();
    await server.kill9();
    const { code, stderr } = await server.cli('thing', 'list');
    assert.equal(code, 1);
    assert.match(stderr, /dunlin: \S/);
  });

  test('a second server on the same folder, a busy port, a folder that cannot be made', async () => {
    const server = await start();
    const quiet = ['listen.mqtt', 'listen.mqtts', 'listen.https', 'listen.http'].flatMap((key) => ['--set', `${key}=127.0.0.1:0`]);
    const second = await dunlin('serve', '--data', server.data, ...quiet);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`${server.data}`));
    const busy = await dunlin('serve', '--data', temporaryFolder(), ...quiet, '--set', `listen.mqtt=127.0.0.1:${server.ports.mqtt}`);
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, new RegExp(String(server.ports.mqtt)));
    const file = temporaryFile('not-a-folder', 'x');
    const nowhere = await dunlin('serve', '--data', `${file}/data`, ...quiet);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /not-a-folder/);
    await server.stop();
  });

  test('refusals of the server reach the terminal', async () => {
    const server = await start();
    const refused = await server.cli('thing', 'get', 'nobody');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /nobody/);
    const bad = await server.cli('rule', 'put', 'r', '--sql', 'SELECT', '--actions', '[]');
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /sql/);
    await server.stop();
  });
});

describe('work with a server', () => {
  test('a user made before the one-time link was used spent it in silence', async () => {
    const server = await start();
    const token = (await server.claimLink()).split('/').at(-1);
    const claim = () => server.request('POST', '/api/session/claim', { body: { token, password: 'calm sea at dawn' }, csrf: true });
    const user = ['--password', 'calm sea at dawn', '--permissions', '["*"]'];
    const made = await server.cli('user', 'create', '--name', 'eva', ...user);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /one-time link .* is void now: sign in as eva/);
    assert.doesNotMatch((await server.cli('user', 'create', '--name', 'adam', ...user)).stdout, /one-time link/);
    const late = await claim();
    assert.equal(late.status, 401);
    assert.match(late.json.error.message, /a user was made on the server before it was used; sign in/);
    assert.match(server.log, /the one-time link is void: a user was made before it was used" user=eva/);
    await server.stop();
  });

  test('things, tokens, certificates, shadows, policies and users', async () => {
    const server = await start();
    await server.cliJson('thing', 'create', '--name', 'press-01', '--type', 'machine', '--attributes', '{"site":"plant1"}');
    const { things } = await server.cliJson('thing', 'list');
    assert.deepEqual(things.map((thing) => [thing.name, thing.attributes.site]), [['press-01', 'plant1']]);
    assert.match((await server.cliJson('thing', 'token', 'press-01')).token, /^dt_/);
    const out = `${temporaryFolder('out')}/certificate`;
    assert.equal((await server.cli('cert', 'issue', '--thing', 'press-01', '--out', out)).code, 0);
    assert.match(readFileSync(`${out}/certificate.pem`, 'utf8'), /BEGIN CERTIFICATE/);
    const mode = (file) => (statSync(`${out}/${file}`).mode & 0o777).toString(8);
    assert.deepEqual(['key.pem', 'certificate.pem', 'ca.pem'].map(mode), ['600', '644', '644'], 'only the key is secret');
    const shadow = await server.cliJson('shadow', 'update', 'press-01', '--state', '{"desired":{"led":true}}');
    assert.deepEqual(shadow.state.delta, { led: true });
    const policy = { statements: [{ effect: 'allow', actions: ['mqtt:publish'], resources: ['topic/demo/#'] }] };
    await server.cliJson('policy', 'put', 'demo', '--document', JSON.stringify(policy));
    await server.cliJson('user', 'create', '--name', 'eva', '--password', 'calm sea at dawn', '--permissions', '["things:read"]');
    const { token } = await server.cliJson('token', 'create', '--owner', 'eva', '--permissions', '["things:read"]');
    const file = temporaryFile('token', `${token}\n`);
    const remote = ['--server', `https://localhost:${server.ports.https}`, '--ca', server.rootFile, '--token-file', file, '--json'];
    const listed = await dunlin('thing', 'list', ...remote);
    assert.equal(listed.code, 0, listed.stderr);
    assert.equal(JSON.parse(listed.stdout).things.length, 1);
    assert.equal((await dunlin('thing', 'delete', 'press-01', ...remote)).code, 1);
    // Without a file: from a pipe, and from what a command of the shell says.
    for (const way of ['cat "$1" | "$0" thing list --token-file /dev/stdin "${@:2}"', '"$0" thing list --token-file <(cat "$1") "${@:2}"']) {
      const piped = await run('bash', ['-c', way, binary, file, ...remote.filter((one) => one !== '--token-file' && one !== file)]);
      assert.equal(piped.code, 0, `a token could not be read from a pipe: ${piped.stderr}`);
      assert.equal(JSON.parse(piped.stdout).things.length, 1);
    }
    const untrusted = await dunlin('thing', 'list', '--server', `https://localhost:${server.ports.https}`, '--token-file', file);
    assert.equal(untrusted.code, 1);
    const text = await server.cli('system', 'status');
    assert.match(text.stdout, /version/);
    const ended = await server.stop();
    assert.deepEqual([ended.code, ended.signal], [0, null], 'SIGTERM ends it in peace');
  });
});

describe('check-config', () => {
  const check = (text, ...more) => dunlin('check-config', '--config', temporaryFile('dunlin.toml', text), ...more);

  test('accepts what is right', async () => {
    assert.equal((await check('[listen]\nmqtt = "127.0.0.1:1883"\n')).code, 0);
  });

  test('names the line of an unknown key, a wrong type and broken TOML', async () => {
    for (const [text, what, line] of [
      ['[listen]\nmqtt = "127.0.0.1:1883"\nmqqt = "x"\n', /mqqt/, 3],
      ['# a comment\n\n[nonsense]\na = 1\n', /nonsense/, 3],
      ['[mqtt]\nreceive_maximum = "many"\n', /receive_maximum/, 2],
      ['[mqtt]\nreceive_maximum = 0\n', /receive_maximum/, 2],
      ['[listen]\nmqtt = \n', /./, 2],
    ]) {
      const { code, stderr } = await check(text);
      assert.equal(code, 1, text);
      assert.match(stderr, what);
      assert.match(stderr, new RegExp(`dunlin\\.toml:${line}\\b|line ${line}\\b`), stderr);
    }
  });

  test('refuses a listener without TLS that is open to the network', async () => {
    const { code, stderr } = await check('[listen]\nmqtt = "0.0.0.0:1883"\n');
    assert.equal(code, 1);
    assert.match(stderr, /loopback/);
  });

  test('names settings and variables that it does not know', async () => {
    assert.match((await dunlin('check-config', '--set', 'listen.mqqt=x')).stderr, /listen\.mqqt/);
    const { code, stderr } = await run(binary, ['check-config'], { env: { DUNLIN_LISTEN_MQQT: 'x' } });
    assert.equal(code, 1);
    assert.match(stderr, /DUNLIN_LISTEN_MQQT/);
  });

  test('the reference names every key with its default', async () => {
    const { code, stdout } = await dunlin('check-config', '--reference');
    assert.equal(code, 0);
    for (const key of ['mqtt', 'folder', 'receive_maximum']) assert.match(stdout, new RegExp(key));
  });
});
