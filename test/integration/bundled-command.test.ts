import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startGatewayProcess } from '../support/gateway-process.js';
import { otlpOverGrpc, otlpOverHttp } from '../support/otlp-receiver.js';
import { rawRequest } from '../support/raw-client.js';
import { head } from '../support/raw-http.js';

const COLLECTORS = [
  { protocol: 'http/protobuf', open: otlpOverHttp },
  { protocol: 'http/json', open: otlpOverHttp },
  { protocol: 'grpc', open: otlpOverGrpc },
];

for (const { protocol, open } of COLLECTORS) {
  test(`the command as built exports spans over ${protocol}`, async (t) => {
    const collector = await open(t);
    const routes = 'registry: { type: file, path: examples/file/endpoints.yaml }\n';
    const { port } = await startGatewayProcess(t, routes, {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '1',
    });
    await rawRequest(port, head('GET /nowhere HTTP/1.1', 'Host: a', 'Connection: close'));
    assert.match((await collector.span(0)).name, /^GET/);
  });
}

test('what is bundled hands on the licences of its packages', () => {
  const licences = readFileSync(new URL('../../dist/command/LICENSES.txt', import.meta.url), 'utf8');
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  // Of etcd3 only the definition of the API is used, which is read where it is installed.
  const bundled = Object.keys(dependencies).filter((name) => !/^@opentelemetry\/|^etcd3$/.test(name));
  for (const name of [...bundled, 'find-my-way', 'protobufjs']) {
    assert.match(licences, new RegExp(`^${name} \\d`, 'm'), name);
  }
});
