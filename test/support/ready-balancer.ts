import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

/** As often as a load balancer may ask that is in a hurry; those in use ask every one to ten seconds. */
const ASK_EVERY_MS = 100;

/** A gateway as its load balancer knows it. */
export interface BalancedGateway {
  readonly port: number;
  readonly adminPort: number;
}

interface Member extends BalancedGateway {
  ready: boolean;
}

/**
 * A load balancer of connections, as a Service of Kubernetes is: new ones go in turn to the gateways whose
 * `/readyz` says so, those that stand are left alone. It asks nobody but `/readyz`, and repeats nothing.
 */
export class ReadyBalancer {
  readonly #server: Server;
  readonly #members: Member[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #watching: Promise<void>[] = [];
  #closed = false;
  #turn = 0;

  private constructor() {
    // An end is carried on like the rest: whoever closes may still be written to.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#carry(client));
  }

  /** Listens until the test ends. */
  static async start(t: TestContext): Promise<ReadyBalancer> {
    const balancer = new ReadyBalancer();
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    t.after(() => balancer.#close());
    return balancer;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Resolves when the gateway is ready, and takes its share from then on. */
  async add(gateway: BalancedGateway): Promise<void> {
    const member: Member = { ...gateway, ready: false };
    this.#members.push(member);
    while (!member.ready && !this.#closed) await this.#askSoon(member);
    this.#watching.push(this.#watch(member));
  }

  async #watch(member: Member): Promise<void> {
    while (!this.#closed) await this.#askSoon(member);
  }

  async #askSoon(member: Member): Promise<void> {
    await pause(ASK_EVERY_MS);
    await this.#ask(member);
  }

  async #ask(member: Member): Promise<void> {
    const asked = fetch(`http://127.0.0.1:${member.adminPort}/readyz`, { headers: { connection: 'close' } });
    member.ready = await asked.then(
      ({ ok }) => ok,
      () => false,
    );
  }

  #carry(client: Socket): void {
    const ready = this.#members.filter((member) => member.ready);
    this.#turn += 1;
    const member = ready[this.#turn % ready.length];
    if (member === undefined) {
      client.resetAndDestroy();
      return;
    }
    const gateway = connect({ port: member.port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [socket, other] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(gateway).pipe(client);
  }

  async #close(): Promise<void> {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#watching);
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
