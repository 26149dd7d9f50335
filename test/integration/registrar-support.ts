import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../src/core/clock.js';
import { EtcdMember } from '../../src/etcd/member.js';
import type { WatchEvent, WatchMessage } from '../../src/etcd/watch-call.js';
import { prefixEnd } from '../../src/etcd/wire.js';

const PATIENCE_MS = 15_000;

/** Sees every change below a prefix, in order, from the moment it was made. */
export class Witness {
  readonly member: EtcdMember;
  readonly events: WatchEvent[] = [];
  readonly #checks = new Set<() => void>();

  private constructor(member: EtcdMember) {
    this.member = member;
  }

  static async of(endpoint: string, prefix = '/service_registry_discovery/'): Promise<Witness> {
    const member = new EtcdMember({ endpoint, clock: systemClock });
    const witness = new Witness(member);
    await new Promise<void>((resolve, reject) => {
      const message = (message: WatchMessage): void => {
        if (message.created) resolve();
        witness.#see(message.events);
      };
      const create = { key: Buffer.from(prefix), range_end: prefixEnd(prefix) };
      member
        .openWatch({ message, end: reject })
        .then((watch) => watch.send({ create_request: create }), reject);
    });
    return witness;
  }

  /** The changes as `put VALUE` and `delete`, which is how tests compare them. */
  get story(): string[] {
    return this.events.map(({ type, kv }) => (type === 'put' ? `put ${kv.value}` : 'delete'));
  }

  /** The first change from the `from`th on that is so; waits for it. */
  async until(is: (event: WatchEvent) => boolean, from = 0): Promise<WatchEvent> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.events.slice(from).find(is);
        if (found === undefined) return;
        clearTimeout(limit);
        this.#checks.delete(check);
        resolve(found);
      };
      const limit = setTimeout(() => reject(new Error(`saw only: ${this.story.join(', ')}`)), PATIENCE_MS);
      this.#checks.add(check);
      check();
    });
  }

  #see(events: readonly WatchEvent[]): void {
    this.events.push(...events);
    for (const check of [...this.#checks]) check();
  }

  close(): void {
    this.member.close();
  }
}

/** A way to a member that can fall silent, as a hung machine does, or break, as a dead one does. */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #silent = false;
  connections = 0;

  private constructor(target: URL) {
    this.#server = createServer((inner) => {
      this.connections += 1;
      const outer = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (bytes) => this.#silent || to.write(bytes));
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(endpoint: string): Promise<Relay> {
    const relay = new Relay(new URL(endpoint));
    await once(relay.#server.listen(0, '127.0.0.1'), 'listening');
    return relay;
  }

  get endpoint(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  /** Connections stay open and carry nothing any more. */
  fallSilent(): void {
    this.#silent = true;
  }

  async close(): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
