// A service under chaos, as a process: answers each request with its id, registers itself under a short
// lease, and misbehaves when told to. What it executes is in its ledger file before it answers, so that a
// kill loses nothing.
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type * as registrar from '../../src/registrar/registrar.js';

/** `none` and `slow` answer; the others break the connection after having executed the request. */
export type Misbehaviour = 'none' | 'slow' | 'reset' | 'garbage' | 'half-close';

// The registrar is that of the build, as the gateway under test is: eight of these start while it is under load.
const [registrarUrl = '', registry = '', name = '', ledgerFile = ''] = process.argv.slice(2);
/** The least that the embedded registry grants. */
const LEASE_SECONDS = 2;
const SLOW_MS = 250;
/** Gateways learn of a departure in milliseconds. */
const LEAVE_MS = 200;

const { register } = (await import(registrarUrl)) as typeof registrar;

const ledger = openSync(ledgerFile, 'a');
let mode: Misbehaviour = 'none';

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => void answer(request, response));
  // Broken off by the gateway before all of it had come: not executed.
  request.once('error', () => undefined);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { socket } = request;
  if (request.url === '/healthz') {
    response.end('ok');
    return;
  }
  const id = request.url?.split('/').at(-1) ?? '';
  const as = mode;
  writeSync(ledger, `${id} ${as}\n`);
  if (as === 'slow') await pause(SLOW_MS);
  if (as === 'reset') socket.resetAndDestroy();
  else if (as === 'garbage') socket.end('%%% no HTTP at all %%%\r\n\r\n');
  else if (as === 'half-close') socket.end();
  else {
    if (!server.listening) response.shouldKeepAlive = false;
    response.setHeader('content-length', id.length);
    response.end(id);
  }
}

server.listen(0, '127.0.0.1');
await once(server, 'listening');
const bound = server.address();
const address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
const registration = register({ registry, service: 'chaos', hostKey: name, address, ttl: LEASE_SECONDS });
registration.once('registered', () => process.send?.({ address }));

process.on('message', (wanted) => {
  mode = wanted as Misbehaviour;
});
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => void leave());

/** Out of the registry first; then what is in flight finishes. */
async function leave(): Promise<void> {
  await registration.close();
  await pause(LEAVE_MS);
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
  process.exit(0);
}
