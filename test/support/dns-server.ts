import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  readQuestion,
  type TestQuestion,
  type TestRecord,
  type TestReply,
  writeReply,
} from './dns-message.js';
import { Sequence } from './sequence.js';
import { listenOnLoopback } from './wire.js';

/** A question that came, and over what. */
export interface AskedQuestion extends TestQuestion {
  readonly over: 'udp' | 'tcp';
}

/** What to say to a question: a reply, datagrams as they are, or nothing at all. */
export type Answer = TestReply | readonly Buffer[] | 'silence';

/** TTL of answers that deny. */
const NEGATIVE_TTL = 5;
const LENGTH_BYTES = 2;

/** A small DNS server, over UDP and TCP on one port of 127.0.0.1, that answers from a zone or as it is told. */
export class TestDnsServer {
  readonly port: number;
  readonly questions = new Sequence<AskedQuestion>('question');
  /** What names have, in any order. */
  zone: readonly TestRecord[] = [];
  /** When set, answers in place of the zone; undefined leaves a question to the zone. */
  override: ((question: AskedQuestion) => Answer | undefined) | undefined;
  readonly #tcp: Server;
  readonly #udp: Datagrams;
  readonly #connections = new Set<Socket>();

  private constructor(port: number, tcp: Server, udp: Datagrams) {
    this.port = port;
    this.#tcp = tcp;
    this.#udp = udp;
    udp.on('message', (bytes, from) => {
      for (const reply of this.#replies(bytes, 'udp')) udp.send(reply, from.port, from.address);
    });
    tcp.on('connection', (socket) => this.#serve(socket));
  }

  static async start(t: TestContext, zone: readonly TestRecord[] = []): Promise<TestDnsServer> {
    for (let attempt = 1; ; attempt += 1) {
      const tcp = createServer();
      const port = await listenOnLoopback(tcp);
      const udp = createSocket('udp4');
      try {
        udp.bind(port, '127.0.0.1');
        await once(udp, 'listening');
      } catch (error) {
        // Somebody else has the same port for datagrams.
        tcp.close();
        if (attempt === 5) throw error;
        continue;
      }
      const server = new TestDnsServer(port, tcp, udp);
      server.zone = zone;
      t.after(() => server.#close());
      return server;
    }
  }

  /** As the source is told of it. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  /** The name, type and transport of each question so far. */
  get asked(): string[] {
    return this.questions.items.map(({ name, type, over }) => `${type} ${name} ${over}`);
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    let received = Buffer.alloc(0);
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      if (received.length < LENGTH_BYTES) return;
      const end = LENGTH_BYTES + received.readUInt16BE(0);
      if (received.length < end) return;
      const [reply] = this.#replies(received.subarray(LENGTH_BYTES, end), 'tcp');
      if (reply === undefined) return;
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt16BE(reply.length);
      // In two pieces, split within the length: a reader that takes one piece for one message fails.
      socket.write(length.subarray(0, 1), () => socket.write(Buffer.concat([length.subarray(1), reply])));
    });
  }

  #replies(bytes: Buffer, over: 'udp' | 'tcp'): readonly Buffer[] {
    const question: AskedQuestion = { ...readQuestion(bytes), over };
    const answer = this.override?.(question) ?? this.#fromZone(question);
    this.questions.push(question);
    if (answer === 'silence') return [];
    return isDatagrams(answer)
      ? answer
      : [writeReply(question, answer, over === 'udp' ? question.room : undefined)];
  }

  /** Follows aliases, as a resolver does that others may ask to. */
  #fromZone({ name, type }: TestQuestion): TestReply {
    const answers: TestRecord[] = [];
    let owner = name.toLowerCase();
    for (let steps = 0; steps < 8; steps += 1) {
      const own = this.zone.filter((record) => record.name === owner);
      const found = own.filter((record) => record.type === type);
      if (found.length > 0) return { answers: [...answers, ...found] };
      const alias = own.find((record) => record.type === 'CNAME');
      if (alias?.type !== 'CNAME') {
        const start: TestRecord = { name: 'test', type: 'SOA', ttl: 60, minimum: NEGATIVE_TTL };
        return { code: own.length === 0 ? 3 : 0, answers, authorities: [start] };
      }
      answers.push(alias);
      owner = alias.target;
    }
    return { code: 2 };
  }

  async #close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    this.#udp.close();
    await new Promise((resolve) => this.#tcp.close(resolve));
  }
}

function isDatagrams(answer: TestReply | readonly Buffer[]): answer is readonly Buffer[] {
  return Array.isArray(answer);
}

export function a(name: string, address: string, ttl = 60): TestRecord {
  return { name, type: 'A', address, ttl };
}

export function aaaa(name: string, address: string, ttl = 60): TestRecord {
  return { name, type: 'AAAA', address, ttl };
}

export function cname(name: string, target: string, ttl = 60): TestRecord {
  return { name, type: 'CNAME', target, ttl };
}

export function srv(
  name: string,
  target: string,
  port: number,
  { priority = 0, weight = 0, ttl = 60 }: { priority?: number; weight?: number; ttl?: number } = {},
): TestRecord {
  return { name, type: 'SRV', target, port, priority, weight, ttl };
}
