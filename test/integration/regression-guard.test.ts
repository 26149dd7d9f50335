import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

// What a request costs is compared with what it costs a bare Node server in the same run, so that the
// speed of the machine falls out. Whatever else runs can only make a request dearer, so each server is
// judged by its cheapest round, and a gateway that seems slow gets further rounds to show that it is not.

const CLIENTS = 16;
const MIN_ROUNDS = 2;
const MAX_ROUNDS = 6;

const SERVER = fileURLToPath(new URL('../support/measured-server.ts', import.meta.url));
const HEAD = 'GET /goods/list HTTP/1.1\r\nHost: a\r\n';
const BODY = '{"code":0}';

/** Sends so many requests to a port, one after another. */
type Client = (port: number, count: number) => Promise<void>;

/** A server in a process of its own. */
class MeasuredServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(t: TestContext, ...args: string[]): Promise<MeasuredServer> {
    const child = fork(SERVER, args, { execArgv: ['--import', 'tsx'] });
    t.after(() => child.kill('SIGKILL'));
    return new MeasuredServer(child, await answer(child));
  }

  /** Processor time for each of `count` requests, microseconds. */
  async cost(client: Client, count: number): Promise<number> {
    const before = await this.#cpuMicros();
    await Promise.all(Array.from({ length: CLIENTS }, () => client(this.port, count / CLIENTS)));
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

/** On one connection. */
function keepingIt(port: number, count: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  const request = `${HEAD}\r\n`;
  return new Promise((resolve, reject) => {
    let left = count;
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (!received.endsWith(BODY)) return;
      if (!received.startsWith('HTTP/1.1 200')) reject(new Error(received));
      received = '';
      left -= 1;
      if (left > 0) socket.write(request);
      else socket.destroy();
    });
    socket.once('error', reject).once('close', resolve).write(request);
  });
}

/** Each on a connection of its own. */
async function connectingAnew(port: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    socket.write(`${HEAD}Connection: close\r\n\r\n`);
    let received = '';
    for await (const chunk of socket) received += (chunk as Buffer).toString('latin1');
    if (!received.startsWith('HTTP/1.1 200') || !received.endsWith(BODY)) throw new Error(received);
  }
}

function rounded(values: readonly number[]): string {
  return values.map((value) => value.toFixed(0)).join(', ');
}

/** Has the gateway show that it costs less than `allowed` times what a bare server does. */
async function compare(t: TestContext, client: Client, requests: number, allowed: number): Promise<void> {
  const bare = await MeasuredServer.start(t);
  const gateway = await MeasuredServer.start(t, `127.0.0.1:${bare.port}`);
  for (const server of [bare, gateway]) await server.cost(client, requests + requests / 2);
  const floors: number[] = [];
  const costs: number[] = [];
  const ratio = (): number => Math.min(...costs) / Math.min(...floors);
  while (costs.length < MIN_ROUNDS || (ratio() >= allowed && costs.length < MAX_ROUNDS)) {
    floors.push(await bare.cost(client, requests));
    costs.push(await gateway.cost(client, requests));
  }
  const told = `${ratio().toFixed(2)} times a bare server: ${rounded(costs)} µs beside ${rounded(floors)} µs`;
  t.diagnostic(told);
  assert.ok(ratio() < allowed, told);
}

// Measured: 2.1 to 4.
test('a small request costs less than 5 times what a bare Node server takes', (t) =>
  compare(t, keepingIt, 1_600, 5));

// Measured: about 1.5; 2 to 2.5 when what was known of a connection outlived its request.
test('one on a connection of its own costs less than 1.9 times as much as there', (t) =>
  compare(t, connectingAnew, 1_600, 1.9));
