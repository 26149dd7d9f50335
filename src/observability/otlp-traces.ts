import { readFileSync } from 'node:fs';
import { ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  SamplingDecision,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { delay } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { TraceSampler } from '../core/tracing.js';
import { requestSpans } from './request-spans.js';
import type { Tracing, TracingTools } from './tracing.js';
import type { OtlpProtocol, SamplerSettings, TracingSettings } from './tracing-settings.js';

/** A stopping gateway waits no longer than this for a collector. */
const FLUSH_MS = 5_000;

/** The exporter keeps the process alive for as long as it tries, which by its own default is too long for a stop. */
const TIMEOUT_MS = FLUSH_MS;

/** Collects the spans of finished requests and sends them in batches, beside the requests and never in their way. */
export async function exportTraces(
  settings: TracingSettings,
  { hub, clock, onProblem }: TracingTools,
): Promise<Tracing> {
  const exporter = reporting(await makeExporter(settings), onProblem);
  const processor = new BatchSpanProcessor({ exporter, ...settings.batch });
  const version = packageVersion();
  const origin = { resource: resourceOf(version), instrumentationScope: { name: 'watchgate', version } };
  const stop = hub.on('request', (record) => {
    for (const span of requestSpans(record, origin)) processor.onEnd(span);
  });
  return {
    sampler: samplerOf(settings.sampler),
    async close() {
      stop();
      // What fails is told by the exporter.
      const flushed = processor.shutdown().catch(() => undefined);
      const bound = new AbortController();
      await Promise.race([flushed, delay(clock, FLUSH_MS, bound.signal)]);
      bound.abort();
    },
  };
}

/** The two that are not used are not loaded. */
async function makeExporter({ exporter, protocol, timeoutIsSet }: TracingSettings): Promise<SpanExporter> {
  if (exporter === 'console') return new ConsoleSpanExporter();
  const { OTLPTraceExporter } = await load(protocol);
  return new OTLPTraceExporter(timeoutIsSet ? {} : { timeoutMillis: TIMEOUT_MS });
}

function load(
  protocol: OtlpProtocol,
): Promise<{ OTLPTraceExporter: new (config: { timeoutMillis?: number }) => SpanExporter }> {
  if (protocol === 'grpc') return import('@opentelemetry/exporter-trace-otlp-grpc');
  if (protocol === 'http/json') return import('@opentelemetry/exporter-trace-otlp-http');
  return import('@opentelemetry/exporter-trace-otlp-proto');
}

/** Tells the first failure in a row, and when it is over: a collector that is down for a night must not fill the log. */
function reporting(exporter: SpanExporter, onProblem: (problem: string) => void): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined || result.code !== 0;
        if (failed && !failing) onProblem(`spans cannot be sent: ${reasonOf(result.error)}`);
        failing = failed;
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'the exporter gives no reason';
  return messageOf(error) || error.name;
}

/** `service.name` is ours unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says otherwise. */
function resourceOf(version: string): Resource {
  const own = resourceFromAttributes({ 'service.name': 'watchgate', 'service.version': version });
  const detected = detectResources({ detectors: [serviceInstanceIdDetector, envDetector] });
  return defaultResource().merge(own).merge(detected);
}

const PARENT = { traceId: '1'.repeat(32), spanId: '1'.repeat(16), isRemote: true };

/** The SDK's samplers look at no more of a parent than whether it is there and sampled, so that these three do for all. */
const CONTEXTS = {
  none: ROOT_CONTEXT,
  sampled: trace.setSpanContext(ROOT_CONTEXT, { ...PARENT, traceFlags: TraceFlags.SAMPLED }),
  unsampled: trace.setSpanContext(ROOT_CONTEXT, { ...PARENT, traceFlags: TraceFlags.NONE }),
};

function samplerOf({ parentBased, share }: SamplerSettings): TraceSampler {
  const root = new TraceIdRatioBasedSampler(share);
  const sampler = parentBased ? new ParentBasedSampler({ root }) : root;
  return (traceId, parentSampled) => {
    const parent = parentSampled === undefined ? 'none' : parentSampled ? 'sampled' : 'unsampled';
    const { decision } = sampler.shouldSample(CONTEXTS[parent], traceId, '', SpanKind.SERVER, {}, []);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  };
}

/** Package and sources are laid out alike: package.json is two folders up from src/observability and dist/observability. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : '';
}
