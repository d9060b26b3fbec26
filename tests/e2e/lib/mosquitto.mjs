// mosquitto's own clients as peers.
import assert from 'node:assert/strict';
import { Program, run } from './program.mjs';

const VERSIONS = { 3: 'mqttv311', 5: 'mqttv5' };

/** Where and as whom: plain with a token, or TLS with a certificate's files. */
export function as(server, who, version = 5) {
  const args = ['-V', VERSIONS[version], '-h', 'localhost'];
  if (who.cert) return [...args, '-p', server.ports.mqtts, '--cafile', who.ca, '--cert', who.cert, '--key', who.key].map(String);
  return [...args, '-p', server.ports.mqtt, '-u', who.name, '-P', who.token ?? who.password].map(String);
}

/** mosquitto_pub to its end; gives {code, stdout, stderr}. */
export function publish(connection, ...args) {
  return run('mosquitto_pub', [...connection, ...args.map(String)]);
}

export async function published(connection, ...args) {
  const result = await publish(connection, ...args);
  assert.equal(result.code, 0, `mosquitto_pub ${args.join(' ')}: ${result.stderr}`);
}

/** A running mosquitto_sub; its messages are lines "topic qos retain payload". */
export class Subscriber {
  constructor(connection, ...args) {
    const all = ['-oL', 'mosquitto_sub', ...connection, '-d', '-F', 'MESSAGE %t %q %r %p', ...args.map(String)];
    this.program = new Program('stdbuf', all);
  }
  static async open(connection, ...args) {
    const subscriber = new Subscriber(connection, ...args);
    await subscriber.program.printed(/^Subscribed/m);
    return subscriber;
  }
  get messages() {
    return this.program.lines.filter((line) => line.startsWith('MESSAGE ')).map((line) => line.slice(8));
  }
  async received(...expected) {
    await this.program.printed(new RegExp(`(^MESSAGE .*\n[^]*){${expected.length}}`, 'm'));
    assert.deepEqual(this.messages, expected);
  }
  stop() {
    return this.program.stop();
  }
}
