// The goods service as a process: listens, registers itself, and leaves without losing a request.
import { once } from 'node:events';
import { hostname } from 'node:os';
import { type RegisterOptions, register } from 'watchgate/registrar';
import { goodsServer } from './server.js';

/** Time for gateways to learn that we are leaving; they need milliseconds. */
const LEAVE_MS = 200;

const { env } = process;
const host = env['POD_NAME'] ?? hostname();

const write = (line: object): void => {
  process.stdout.write(`${JSON.stringify({ service: 'goods', host, ...line })}\n`);
};

const server = goodsServer(write);
server.listen(Number(env['PORT'] ?? 8080), env['HOST'] ?? '0.0.0.0');
await once(server, 'listening');
const bound = server.address();
const port = typeof bound === 'object' && bound !== null ? bound.port : 0;

const registration = register({
  registry: registryFrom(),
  service: 'goods',
  hostKey: host,
  address: env['POD_IP'] ? `${env['POD_IP']}:${port}` : port,
  ttl: 3,
  health: async () => server.listening,
});
registration.on('registered', ({ key, ttl }) =>
  write({ event: 'registered', key, address: registration.address, ttl }),
);
registration.on('lost', ({ reason }) => write({ event: 'lost', reason }));
registration.on('fault', ({ message }) => write({ event: 'fault', message }));

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
// Whoever started this over IPC has gone.
if (process.connected) process.once('disconnect', stop);

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  void leave().then(() => process.exit(0));
}

/** Out of the registry first; then what is still in flight finishes. */
async function leave(): Promise<void> {
  await registration.close();
  await new Promise((resolve) => setTimeout(resolve, LEAVE_MS));
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await closed;
}

function registryFrom(): RegisterOptions['registry'] {
  const url = env['WATCHGATE_REGISTRY'];
  if (url) return url;
  const endpoints = (env['ETCD_ENDPOINTS'] || 'http://127.0.0.1:2379').split(',').map((text) => text.trim());
  return { endpoints, username: env['ETCD_USERNAME'], password: env['ETCD_PASSWORD'] };
}
