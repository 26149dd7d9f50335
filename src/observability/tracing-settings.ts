/** Variables by name, as in `process.env`. */
export type Variables = Readonly<Record<string, string | undefined>>;

export type OtlpProtocol = 'http/protobuf' | 'http/json' | 'grpc';

/** Share: of the traces that the rule leaves open, from 0 to 1. */
export interface SamplerSettings {
  /** Whether a client that has decided is followed. */
  readonly parentBased: boolean;
  readonly share: number;
}

export interface BatchSettings {
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
}

export interface TracingSettings {
  readonly exporter: 'otlp' | 'console';
  readonly protocol: OtlpProtocol;
  readonly sampler: SamplerSettings;
  /** Whether an operator says how long one export may take; the exporter reads it then. */
  readonly timeoutIsSet: boolean;
  readonly batch: BatchSettings;
  /** What could not be understood, one sentence each; the default is in its place, as the specification wants it. */
  readonly problems: readonly string[];
}

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
const SAMPLERS = new Map<string, Omit<SamplerSettings, 'share'> & { readonly share: number | 'argument' }>([
  ['always_on', { parentBased: false, share: 1 }],
  ['always_off', { parentBased: false, share: 0 }],
  ['traceidratio', { parentBased: false, share: 'argument' }],
  ['parentbased_always_on', { parentBased: true, share: 1 }],
  ['parentbased_always_off', { parentBased: true, share: 0 }],
  ['parentbased_traceidratio', { parentBased: true, share: 'argument' }],
]);

const PROTOCOLS = new Map<string, OtlpProtocol>([
  ['http/protobuf', 'http/protobuf'],
  ['http/json', 'http/json'],
  ['grpc', 'grpc'],
]);

/** Any of these asks for tracing; the other variables only shape it. */
const ASKING = [
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
] as const;

const TIMEOUTS = ['OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] as const;

/**
 * What the standard `OTEL_*` variables say of traces; undefined when none asks for them, or they are
 * turned off. What concerns the sending itself (endpoint, headers, TLS, compression) is read by the exporter.
 */
export function readTracingSettings(variables: Variables): TracingSettings | undefined {
  const read = new Reading(variables);
  if (!ASKING.some((name) => read.text(name) !== undefined)) return undefined;
  if (read.text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const exporter = read.text('OTEL_TRACES_EXPORTER') ?? 'otlp';
  if (exporter === 'none') return undefined;
  if (exporter !== 'otlp' && exporter !== 'console')
    read.problem('OTEL_TRACES_EXPORTER', exporter, 'otlp, console and none', 'otlp');
  const protocol = read.protocol();
  const sampler = read.sampler();
  const maxQueueSize = read.count('OTEL_BSP_MAX_QUEUE_SIZE', 2048);
  return {
    exporter: exporter === 'console' ? 'console' : 'otlp',
    protocol,
    sampler,
    timeoutIsSet: TIMEOUTS.some((name) => read.text(name) !== undefined),
    batch: {
      scheduledDelayMillis: read.count('OTEL_BSP_SCHEDULE_DELAY', 5000),
      exportTimeoutMillis: read.count('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, read.count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512)),
    },
    problems: read.problems,
  };
}

class Reading {
  readonly problems: string[] = [];
  readonly #variables: Variables;

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  /** An empty variable counts as none. */
  text(name: string): string | undefined {
    return this.#variables[name]?.trim() || undefined;
  }

  problem(name: string, value: string, known: string, used: string): void {
    this.problems.push(`${name} is "${value}"; known are ${known}; ${used} is used`);
  }

  protocol(): OtlpProtocol {
    for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
      const text = this.text(name);
      if (text === undefined) continue;
      const protocol = PROTOCOLS.get(text);
      if (protocol !== undefined) return protocol;
      this.problem(name, text, [...PROTOCOLS.keys()].join(', '), 'http/protobuf');
      break;
    }
    return 'http/protobuf';
  }

  sampler(): SamplerSettings {
    const name = 'OTEL_TRACES_SAMPLER';
    const text = this.text(name) ?? 'parentbased_always_on';
    const rule = SAMPLERS.get(text);
    if (rule === undefined)
      this.problem(name, text, [...SAMPLERS.keys()].join(', '), 'parentbased_always_on');
    const { parentBased, share } = rule ?? { parentBased: true, share: 1 };
    return { parentBased, share: share === 'argument' ? this.#share() : share };
  }

  #share(): number {
    const name = 'OTEL_TRACES_SAMPLER_ARG';
    const text = this.text(name) ?? '1';
    const share = Number(text);
    if (share >= 0 && share <= 1) return share;
    this.problem(name, text, 'numbers from 0 to 1', '1');
    return 1;
  }

  /** A whole number of at least 1. */
  count(name: string, otherwise: number): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const count = Number(text);
    if (Number.isSafeInteger(count) && count >= 1) return count;
    this.problem(name, text, 'whole numbers from 1', String(otherwise));
    return otherwise;
  }
}
