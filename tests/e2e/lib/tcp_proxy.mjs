// A line that somebody listens on: what passes is kept, and may be changed on its way.
import net from 'node:net';

/** Forwards to `port` of this machine. `change(bytes, {toServer, offset})` may give other bytes. */
export class TcpProxy {
  captured = { toServer: [], toClient: [] };
  #server;
  #sockets = new Set();

  static async start(port, change = (bytes) => bytes) {
    const proxy = new TcpProxy();
    proxy.change = change;
    proxy.#server = net.createServer((client) => proxy.#serve(client, port));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  #serve(client, port) {
    const server = net.connect(port, '127.0.0.1');
    const pass = (from, to, where) => {
      let offset = 0;
      this.#sockets.add(from);
      from.on('data', (bytes) => {
        this.captured[where].push(Buffer.from(bytes));
        const changed = this.change(Buffer.from(bytes), { toServer: where === 'toServer', offset });
        offset += bytes.length;
        to.write(changed);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.end();
      });
    };
    pass(client, server, 'toServer');
    pass(server, client, 'toClient');
  }

  /** Everything that has passed, both ways. */
  get bytes() {
    return Buffer.concat([...this.captured.toServer, ...this.captured.toClient]);
  }

  stop() {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
