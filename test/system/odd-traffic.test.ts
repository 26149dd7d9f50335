import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Random, seededRandom } from '../../src/core/random.js';
import { startGatewayProcess, temporaryFile } from '../support/gateway-process.js';
import { oddRequests, oddResponse, oddStream } from '../support/odd-traffic.js';
import { rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { listenOnLoopback } from '../support/wire.js';

// `SEED=… EXCHANGES=… npm run test:system -- test/system/odd-traffic.test.ts` tries others, and more of them.
const SEED = Number(process.env['SEED'] ?? 20_261_130);
const EXCHANGES = Number(process.env['EXCHANGES'] ?? 1_200);
const AT_ONCE = 8;
/** Longer than the gateway waits for an endpoint. */
const PATIENCE_MS = 700;

/** Answers requests for `/sound` as one should, and all others as nobody should. */
async function oddEndpoint(t: TestContext, random: Random): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (request) => {
      if (request.includes('/sound')) return void socket.write(ok('sound'));
      const { pieces, closes } = oddResponse(random);
      for (const piece of pieces) socket.write(piece, 'latin1');
      if (closes) socket.end();
    });
  });
  const port = await listenOnLoopback(server);
  t.after(() => server.close());
  return `127.0.0.1:${port}`;
}

/** One connection of HTTP/1.x; resolves when it is over, or has been given up. */
function exchange(port: number, random: Random): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (): void => void socket.destroy();
    const limit = setTimeout(end, PATIENCE_MS);
    socket.once('data', () => setTimeout(end, 30));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(limit);
      resolve();
    });
    for (const request of oddRequests(random)) socket.write(request);
  });
}

/** One stream; resolves when it is over, or has been given up. */
function stream(session: ClientHttp2Session, random: Random): Promise<void> {
  return new Promise((resolve) => {
    const request = session.request(oddStream(random));
    const limit = setTimeout(() => request.close(), PATIENCE_MS);
    request.on('error', () => undefined);
    request.once('close', () => {
      clearTimeout(limit);
      resolve();
    });
    request.resume().end();
  });
}

for (const engine of ['built-in', 'undici']) {
  test(`no client and no endpoint can end a gateway whose client is ${engine}`, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const random = seededRandom(SEED);
    const address = await oddEndpoint(t, random);
    const services = await temporaryFile(t, 'services.yaml', `services: { goods: ['${address}'] }\n`);
    const gateway = await startGatewayProcess(
      t,
      `accessLog: 'off'
registry: { type: file, path: ${services} }
services: { goods: { client: ${engine}, ejection: { enabled: false } } }
routes: [{ prefix: /, service: goods, tryTimeout: 300ms, idleTimeout: 300ms }]
`,
    );
    await gateway.adminUntil('/readyz', (status) => status === 200);
    let session: ClientHttp2Session | undefined;
    const open = (): ClientHttp2Session => {
      if (session !== undefined && !session.closed && !session.destroyed) return session;
      session = connectHttp2(`http://127.0.0.1:${gateway.port}`).on('error', () => undefined);
      return session;
    };
    let begun = 0;
    const lane = async (): Promise<void> => {
      while (begun++ < EXCHANGES)
        await (random() < 0.5 ? exchange(gateway.port, random) : stream(open(), random));
    };
    const ended = gateway.process.exit.then(({ stderr }) => assert.fail(stderr));
    await Promise.race([Promise.all(Array.from({ length: AT_ONCE }, lane)), ended]);
    const { status } = await rawRequest(gateway.port, head('GET /sound HTTP/1.1', 'Host: a'));
    assert.equal(status, 200);
    gateway.process.signal('SIGTERM');
    session?.destroy();
    await assert.rejects(ended, { message: '' });
    assert.equal((await gateway.process.exit).code, 0);
  });
}
