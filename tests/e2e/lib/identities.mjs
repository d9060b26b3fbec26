// Keys, requests and certificates as devices and other people's authorities make them with openssl, many at a time.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './program.mjs';

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

async function sh(script) {
  const { code, stderr } = await run('sh', ['-ec', script], { timeout: 600_000 });
  assert.equal(code, 0, stderr);
}

/** An authority that somebody else runs: the files {key, cert}. */
export async function makeAuthority(folder, name) {
  mkdirSync(folder, { recursive: true });
  const made = { key: join(folder, 'ca.key'), cert: join(folder, 'ca.pem') };
  await sh(`openssl req -x509 ${NEW_KEY} -subj '/CN=${name}' -days 30 -keyout '${made.key}' -out '${made.cert}' 2>&1`);
  return made;
}

/** A key and a request for each name: [{name, key, csr}] (PEM). With `authority` also a certificate of it: {..., cert}. */
export async function makeIdentities(folder, names, authority) {
  mkdirSync(folder, { recursive: true });
  const list = join(folder, 'names');
  writeFileSync(list, names.map((name) => `${name}\n`).join(''));
  const serial = () => `0x$(openssl rand -hex 12)`;
  const sign = authority
    ? `openssl x509 -req -in "$n.csr" -CA '${authority.cert}' -CAkey '${authority.key}' -set_serial ${serial()} -days 10 -out "$n.pem" 2>&1;`
    : '';
  await sh(`cd '${folder}'; while read n; do openssl req -new ${NEW_KEY} -subj "/CN=$n" -keyout "$n.key" -out "$n.csr" 2>&1; ${sign} done < names`);
  const read = (name, end) => readFileSync(join(folder, `${name}.${end}`), 'utf8');
  return names.map((name) => ({ name, key: read(name, 'key'), csr: read(name, 'csr'), ...(authority && { cert: read(name, 'pem') }) }));
}

/** The certificate of a certs-only answer (RFC 7030 section 4.2.3), PEM. */
export async function certificateOfBag(base64) {
  const bag = `-----BEGIN PKCS7-----\n${base64.replace(/\s+/g, '').replace(/.{64}/g, '$&\n')}\n-----END PKCS7-----\n`;
  const { code, stdout, stderr } = await run('openssl', ['pkcs7', '-print_certs'], { input: bag });
  assert.equal(code, 0, stderr);
  return stdout.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/)[0];
}

/** The body of a PEM block, as EST sends it. */
export const bodyOf = (pem) => pem.replace(/-----[^-]+-----/g, '').trim();

export const fingerprintOf = (pem) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
