// The server side of a WebSocket, as much of it as the mock needs (RFC 6455): text and binary out, masked text in.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MAX_PAYLOAD = 1 << 20;

function header(opcode, length) {
  if (length < 126) return Buffer.from([0x80 | opcode, length]);
  if (length < 65536) return Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]);
  const head = Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** Answers the upgrade and calls `receive` with each text; the returned object sends. */
export function accept(request, socket, receive) {
  const key = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + GUID)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  socket.setNoDelay(true);
  const send = (opcode, body) => socket.writable && socket.write(Buffer.concat([header(opcode, body.length), body]));
  let input = Buffer.alloc(0);
  socket.on('data', (data) => {
    input = Buffer.concat([input, data]);
    for (;;) {
      if (input.length < 6) return;
      let length = input[1] & 127;
      let at = 2;
      if (length === 126) {
        if (input.length < 8) return;
        length = input.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        socket.destroy();
        return;
      }
      if (length > MAX_PAYLOAD || !(input[1] & 128)) return void socket.destroy();
      if (input.length < at + 4 + length) return;
      const mask = input.subarray(at, at + 4);
      const body = Buffer.from(input.subarray(at + 4, at + 4 + length));
      for (let i = 0; i < length; i++) body[i] ^= mask[i & 3];
      const opcode = input[0] & 15;
      input = input.subarray(at + 4 + length);
      if (opcode === 1) receive(body.toString());
      else if (opcode === 8) {
        send(8, body);
        socket.end();
      } else if (opcode === 9) send(10, body);
    }
  });
  socket.on('error', () => socket.destroy());
  return {
    text: (value) => send(1, Buffer.from(JSON.stringify(value))),
    binary: (value) => send(2, value),
    close: () => socket.destroy(),
    socket,
  };
}
