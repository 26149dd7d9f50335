import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Sequence } from './sequence.js';
import { listenOnLoopback } from './wire.js';

type Value = string | number | boolean;

/** A span as a collector has it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 2 for SERVER, 3 for CLIENT. */
  readonly kind: number;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  /** 2 for an error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, Value>>;
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Of each export, lower case. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** The span with this index, once it has come. */
  span(index: number): Promise<ReceivedSpan>;
}

const PROTO = loadSync(fileURLToPath(new URL('./otlp-trace.proto', import.meta.url)), { longs: String });
const SERVICE = 'opentelemetry.proto.collector.trace.v1.TraceService';

/** A collector that takes OTLP over HTTP, as protobuf or JSON by the content type. Ends with the test. */
export async function otlpOverHttp(t: TestContext): Promise<OtlpReceiver> {
  const spans = new Sequence<ReceivedSpan>('span');
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const isJson = request.headers['content-type'] === 'application/json';
    headers.push(request.headers);
    const message = isJson ? JSON.parse(body.toString()) : exportDefinition().requestDeserialize(body);
    if (request.url === '/v1/traces') for (const span of spansOf(message)) spans.push(span);
    response.writeHead(request.url === '/v1/traces' ? 200 : 404, { 'content-type': 'application/json' });
    response.end('{}');
  });
  const port = await listenOnLoopback(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, spans: spans.items, headers, span: (index) => spans.nth(index) };
}

/** The same over gRPC. */
export async function otlpOverGrpc(t: TestContext): Promise<OtlpReceiver> {
  const spans = new Sequence<ReceivedSpan>('span');
  const headers: IncomingHttpHeaders[] = [];
  const server = new Server();
  server.addService(
    { Export: exportDefinition() },
    {
      Export(call: { request: unknown; metadata: { getMap(): Record<string, unknown> } }, done: Done) {
        const fields = Object.entries(call.metadata.getMap());
        headers.push(Object.fromEntries(fields.map(([name, value]) => [name, String(value)])));
        for (const span of spansOf(call.request)) spans.push(span);
        done(null, {});
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  t.after(() => server.forceShutdown());
  return { url: `http://127.0.0.1:${port}`, spans: spans.items, headers, span: (index) => spans.nth(index) };
}

type Done = (error: null, answer: object) => void;

function exportDefinition() {
  const service = PROTO[SERVICE];
  const method = service === undefined || 'format' in service ? undefined : service['Export'];
  if (method === undefined) throw new Error('otlp-trace.proto has no TraceService');
  return method;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, Value>>;
}

interface ExportedSpan {
  readonly traceId: string | Buffer;
  readonly spanId: string | Buffer;
  readonly parentSpanId?: string | Buffer;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code?: number };
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly ExportedSpan[] }[];
  }[];
}

/** A test may trust its own SDK so far: what has another shape fails where it is looked at. */
function spansOf(message: unknown): ReceivedSpan[] {
  return (message as Exported).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId ?? ''),
        traceState: span.traceState ?? '',
        name: span.name,
        kind: span.kind,
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        attributes: valuesOf(span.attributes),
        status: span.status?.code ?? 0,
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

/** JSON has identifiers in hexadecimal, protobuf as bytes. */
function hex(id: string | Buffer): string {
  return typeof id === 'string' ? id : id.toString('hex');
}

function valuesOf(attributes: readonly Attribute[]): Record<string, Value> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const { intValue, ...other } = value;
      return [key, intValue === undefined ? (Object.values(other)[0] ?? '') : Number(intValue)];
    }),
  );
}
