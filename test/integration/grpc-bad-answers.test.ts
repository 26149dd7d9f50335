import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawUpstream } from '../support/raw-upstream.js';

// What nghttp2 takes from an endpoint, and Node would not send on.

test('a gRPC endpoint that answers with a status that there is not fails the call', async (t) => {
  const { headers, gateway } = await answered(t, [0x48, 3, ...Buffer.from('600')], {
    ':method': 'POST',
    'content-type': 'application/grpc',
  });
  assert.equal(headers['grpc-status'], '13');
  assert.equal((await gateway.record()).cause, 'BAD_UPSTREAM_RESPONSE');
});

test('fields of one connection in the answer of a gRPC endpoint stay behind', async (t) => {
  const settings = [...Buffer.from('http2-settings')];
  const { headers } = await answered(t, [0x88, 0, settings.length, ...settings, 1, 0x61]);
  assert.deepEqual([headers[':status'], headers['http2-settings']], [200, undefined]);
});

/** The head that a client gets of an answer with this header block (RFC 7541). `request`: its fields, beyond the usual. */
async function answered(
  t: TestContext,
  block: readonly number[],
  request: Readonly<Record<string, string>> = {},
): Promise<{ headers: IncomingHttpHeaders & IncomingHttpStatusHeader; gateway: GatewayUnderTest }> {
  const gateway = await startGatewayUnderTest({
    routes: routeAll('protocol: grpc'),
    services: { goods: [await rawHttp2(t, block)] },
  });
  t.after(() => gateway.close());
  const session = connect(`http://127.0.0.1:${gateway.port}`);
  t.after(() => session.destroy());
  const [headers] = await once(
    session.request({ ':path': '/a.B/C', te: 'trailers', ...request }),
    'response',
  );
  return { headers, gateway };
}

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const HEADERS = 1;
const SETTINGS = 4;
const END_OF_BOTH = 0x5;

/** An endpoint that answers the first stream of each connection with this header block (RFC 7541) and no body. */
async function rawHttp2(t: TestContext, block: readonly number[]): Promise<string> {
  const upstream = await rawUpstream(async (connection) => {
    await connection.write(frame(SETTINGS, 0, 0));
    const stream = await connection.until('a request', () => firstStream(connection.received()));
    await connection.write(frame(HEADERS, END_OF_BOTH, stream, block));
  });
  t.after(() => upstream.close());
  return upstream.address;
}

/** RFC 9113 section 4.1. */
function frame(type: number, flags: number, stream: number, payload: readonly number[] = []): Buffer {
  const start = Buffer.alloc(FRAME_HEAD_BYTES);
  start.writeUIntBE(payload.length, 0, 3);
  start.writeUInt8(type, 3);
  start.writeUInt8(flags, 4);
  start.writeUInt32BE(stream, 5);
  return Buffer.concat([start, Buffer.from(payload)]);
}

/** The id in the first HEADERS frame, once its head is there. */
function firstStream(bytes: Buffer): number | undefined {
  for (let at = PREFACE_BYTES; at + FRAME_HEAD_BYTES <= bytes.length; ) {
    if (bytes.readUInt8(at + 3) === HEADERS) return bytes.readUInt32BE(at + 5);
    at += FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
  }
  return undefined;
}
