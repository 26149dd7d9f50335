import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

// What a request costs is compared with what it costs a bare Node server in the same run, so that the
// speed of the machine falls out. Whatever else runs can only make a request dearer, so each server is
// judged by its cheapest round, and a gateway that seems slow gets further rounds to show that it is not.

const CONNECTIONS = 16;
const WARM_UP = 2_400;
const REQUESTS = 1_600;
const MIN_ROUNDS = 2;
const MAX_ROUNDS = 6;
/** Measured: about 4. */
const ALLOWED = 7;

const SERVER = fileURLToPath(new URL('../support/measured-server.ts', import.meta.url));
const GET = 'GET /goods/list HTTP/1.1\r\nHost: a\r\n\r\n';
const BODY = '{"code":0}';

/** A server in a process of its own. */
class MeasuredServer {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #sockets: readonly Socket[];

  private constructor(child: ChildProcess, port: number, sockets: readonly Socket[]) {
    this.#child = child;
    this.port = port;
    this.#sockets = sockets;
  }

  static async start(t: TestContext, ...args: string[]): Promise<MeasuredServer> {
    const child = fork(SERVER, args, { execArgv: ['--import', 'tsx'] });
    t.after(() => child.kill('SIGKILL'));
    const port = await answer(child);
    const sockets = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1').setNoDelay());
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    return new MeasuredServer(child, port, sockets);
  }

  /** Processor time for each of `count` requests, microseconds. */
  async cost(count: number): Promise<number> {
    const before = await this.#cpuMicros();
    await Promise.all(this.#sockets.map((socket) => send(socket, count / CONNECTIONS)));
    return ((await this.#cpuMicros()) - before) / count;
  }

  async #cpuMicros(): Promise<number> {
    const answered = answer(this.#child);
    this.#child.send('cpu');
    return await answered;
  }
}

async function answer(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('the server ended');
  });
  const [value] = await Promise.race([once(child, 'message'), ended]);
  return Number(value);
}

/** Sends requests one after another on a kept connection. */
function send(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    let received = '';
    const onData = (chunk: Buffer): void => {
      received += chunk.toString('latin1');
      if (!received.endsWith(BODY)) return;
      if (!received.startsWith('HTTP/1.1 200')) reject(new Error(received));
      received = '';
      left -= 1;
      if (left > 0) socket.write(GET);
      else {
        socket.off('data', onData);
        resolve();
      }
    };
    socket.on('data', onData).once('error', reject).write(GET);
  });
}

function rounded(values: readonly number[]): string {
  return values.map((value) => value.toFixed(0)).join(', ');
}

test(`a small request costs less than ${ALLOWED} times what a bare Node server takes`, async (t) => {
  const bare = await MeasuredServer.start(t);
  const gateway = await MeasuredServer.start(t, `127.0.0.1:${bare.port}`);
  await bare.cost(WARM_UP);
  await gateway.cost(WARM_UP);
  const floors: number[] = [];
  const costs: number[] = [];
  const ratio = (): number => Math.min(...costs) / Math.min(...floors);
  while (costs.length < MIN_ROUNDS || (ratio() >= ALLOWED && costs.length < MAX_ROUNDS)) {
    floors.push(await bare.cost(REQUESTS));
    costs.push(await gateway.cost(REQUESTS));
  }
  const told = `${ratio().toFixed(2)} times a bare server: ${rounded(costs)} µs beside ${rounded(floors)} µs`;
  t.diagnostic(told);
  assert.ok(ratio() < ALLOWED, told);
});
