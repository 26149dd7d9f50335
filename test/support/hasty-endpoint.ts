// A process of its own, so that its clock and the gateway's do not share one event loop. Answers each
// request and closes the connection shortly after, without having said so; now and then a kept connection
// closes when a request on it has been executed and not yet answered, which looks the same from outside. Tells its port once it listens,
// and what it has executed when asked.
import { createServer } from 'node:net';

const IDLE_MS = Number(process.argv[2] ?? 1);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** Of the POSTs that the test sends. */
const BODY_BYTES = 2;

/** One in so many requests on a kept connection is executed and not answered. */
const CUT_OFF = 25;

const executed = new Map<string, number>();
let connections = 0;

const server = createServer({ noDelay: true }, (socket) => {
  connections += 1;
  let text = '';
  let served = 0;
  let idle: NodeJS.Timeout | undefined;
  socket.on('error', () => undefined);
  socket.on('close', () => clearTimeout(idle));
  socket.on('data', (chunk) => {
    clearTimeout(idle);
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const body = text.startsWith('POST') ? BODY_BYTES : 0;
      if (text.length < end + 4 + body) return;
      const id = /\/(\w+) HTTP/.exec(text)?.[1] ?? '';
      text = text.slice(end + 4 + body);
      executed.set(id, (executed.get(id) ?? 0) + 1);
      served += 1;
      if (served > 1 && executed.size % CUT_OFF === 0) {
        socket.destroy();
        return;
      }
      socket.write(OK);
    }
    idle = setTimeout(() => socket.destroy(), IDLE_MS);
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('message', () => process.send?.({ executed: [...executed], connections }));
process.once('disconnect', () => process.exit(0));
