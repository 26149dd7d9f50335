import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTracingSettings } from '../../src/observability/tracing-settings.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test('nothing asks for tracing but an exporter or an endpoint', () => {
  assert.equal(readTracingSettings({}), undefined);
  assert.equal(
    readTracingSettings({
      OTEL_SERVICE_NAME: 'a',
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=b',
    }),
    undefined,
  );
  assert.equal(readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), undefined);
  assert.equal(readTracingSettings({ OTEL_TRACES_EXPORTER: 'console' })?.exporter, 'console');
  assert.equal(readTracingSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c' })?.exporter, 'otlp');
});

test('OTEL_SDK_DISABLED and the exporter "none" turn it off', () => {
  assert.equal(readTracingSettings({ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }), undefined);
  assert.equal(readTracingSettings({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }), undefined);
  assert.ok(readTracingSettings({ ...ENDPOINT, OTEL_SDK_DISABLED: 'false' }));
});

test('without more the defaults are those of the specification', () => {
  assert.deepEqual(readTracingSettings(ENDPOINT), {
    exporter: 'otlp',
    protocol: 'http/protobuf',
    sampler: { parentBased: true, share: 1 },
    timeoutIsSet: false,
    batch: {
      scheduledDelayMillis: 5000,
      exportTimeoutMillis: 30_000,
      maxQueueSize: 2048,
      maxExportBatchSize: 512,
    },
    problems: [],
  });
});

const SAMPLERS = [
  ['always_on', false, 1],
  ['always_off', false, 0],
  ['traceidratio', false, 0.25],
  ['parentbased_always_on', true, 1],
  ['parentbased_always_off', true, 0],
  ['parentbased_traceidratio', true, 0.25],
] as const;

for (const [name, parentBased, share] of SAMPLERS) {
  test(`the sampler ${name} takes the argument if it has one`, () => {
    const variables = { ...ENDPOINT, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: '0.25' };
    assert.deepEqual(readTracingSettings(variables)?.sampler, { parentBased, share });
  });
}

test('the protocol for traces goes before the one for all signals', () => {
  const variables = {
    ...ENDPOINT,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc',
  };
  assert.equal(readTracingSettings(variables)?.protocol, 'grpc');
});

test('what is not understood is told and the default used', () => {
  const settings = readTracingSettings({
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'carrier-pigeon',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_BSP_MAX_QUEUE_SIZE: '-1',
  });
  assert.deepEqual(settings?.sampler, { parentBased: true, share: 1 });
  assert.deepEqual(
    [settings.exporter, settings.protocol, settings.batch.maxQueueSize],
    ['otlp', 'http/protobuf', 2048],
  );
  assert.deepEqual(settings.problems.map((problem) => problem.split(' ')[0]).sort(), [
    'OTEL_BSP_MAX_QUEUE_SIZE',
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'OTEL_TRACES_EXPORTER',
    'OTEL_TRACES_SAMPLER',
  ]);
  const ratio = { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'half' };
  assert.deepEqual(readTracingSettings(ratio)?.sampler, { parentBased: false, share: 1 });
});
