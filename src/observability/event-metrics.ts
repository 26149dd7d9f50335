import { Counter, Gauge, type Registry } from 'prom-client';
import type {
  AttemptRecord,
  CertificateEvent,
  HealthChange,
  MembershipChange,
  RetryRecord,
  RetryRefusal,
  SourceEvent,
} from '../core/events.js';
import type { Tally } from '../core/tally.js';
import type { BoundedNames } from './bounded-names.js';
import { PairCounts } from './pair-counts.js';

/** What of a tally is counted here. */
type EventTally = Pick<Tally, 'attempts' | 'retries' | 'refusedRetries'>;

/** The metrics of attempts, retries, membership, relists and the certificate. Attempts are counted on the data path. */
export class EventMetrics {
  readonly #names: BoundedNames;
  readonly #attempts: PairCounts;
  readonly #retries: PairCounts;
  readonly #refused = new Map<string, number>();
  readonly #attemptsTotal: Counter<'service' | 'outcome'>;
  readonly #retriesTotal: Counter<'service' | 'reason'>;
  readonly #refusedTotal: Counter<'service'>;
  readonly #changesTotal: Counter<'service' | 'change' | 'cause'>;
  readonly #ejectionsTotal: Counter<'service' | 'reason'>;
  readonly #relistsTotal: Counter<'source' | 'reason'>;
  readonly #certificateExpiry: Gauge<'listener'>;

  constructor(registry: Registry, names: BoundedNames) {
    const registers = [registry];
    this.#names = names;
    this.#attempts = new PairCounts(names);
    this.#retries = new PairCounts(names);
    this.#attemptsTotal = new Counter({
      name: 'watchgate_upstream_attempts_total',
      help: 'Attempts at endpoints, by how they ended.',
      labelNames: ['service', 'outcome'],
      registers,
    });
    this.#retriesTotal = new Counter({
      name: 'watchgate_retries_total',
      help: 'Attempts made because an earlier one failed, by the reason of that failure.',
      labelNames: ['service', 'reason'],
      registers,
    });
    this.#refusedTotal = new Counter({
      name: 'watchgate_retries_refused_total',
      help: 'Retries that were not made because the retry budget of the service was used up.',
      labelNames: ['service'],
      registers,
    });
    this.#changesTotal = new Counter({
      name: 'watchgate_endpoint_changes_total',
      help: 'Endpoints that joined, left or changed, by cause.',
      labelNames: ['service', 'change', 'cause'],
      registers,
    });
    this.#ejectionsTotal = new Counter({
      name: 'watchgate_ejections_total',
      help: 'Endpoints taken out by their failures or their checks, by reason.',
      labelNames: ['service', 'reason'],
      registers,
    });
    this.#relistsTotal = new Counter({
      name: 'watchgate_registry_relists_total',
      help: 'Complete lists read from a registry, by reason.',
      labelNames: ['source', 'reason'],
      registers,
    });
    this.#certificateExpiry = new Gauge({
      name: 'watchgate_certificate_expiry_timestamp_seconds',
      help: 'When the certificate in use expires, since the epoch; absent without TLS.',
      labelNames: ['listener'],
      registers,
    });
  }

  readonly attempt = (record: AttemptRecord): void => this.#attempts.add(record.service, record.outcome);

  readonly retry = (record: RetryRecord): void => this.#retries.add(record.service, record.reason);

  readonly retryRefused = ({ service }: RetryRefusal): void => this.#countRefused(service, 1);

  readonly membership = ({ service, change, cause }: MembershipChange): void =>
    this.#changesTotal.inc({ service: this.#names.label(service), change, cause });

  readonly health = ({ service, change, reason }: HealthChange): void => {
    if (change === 'ejected')
      this.#ejectionsTotal.inc({ service: this.#names.label(service), reason: reason ?? '' });
  };

  readonly source = ({ source, kind, detail }: SourceEvent): void => {
    if (kind === 'relisted') this.#relistsTotal.inc({ source, reason: detail });
  };

  readonly certificate = ({ expiresAt }: CertificateEvent): void =>
    this.#certificateExpiry.set({ listener: 'tls' }, expiresAt / 1000);

  /** Counts what a worker counted. */
  add({ attempts, retries, refusedRetries }: EventTally): void {
    this.#attempts.addAll(attempts);
    this.#retries.addAll(retries);
    for (const [service, count] of refusedRetries) this.#countRefused(service, count);
  }

  /** What the data path has counted; begins again at nothing. */
  take(): EventTally {
    const refusedRetries = [...this.#refused];
    this.#refused.clear();
    return { attempts: this.#attempts.take(), retries: this.#retries.take(), refusedRetries };
  }

  /** Hands the counts of the data path to prom-client. */
  copy(): void {
    this.#attempts.copyTo(this.#attemptsTotal);
    this.#retries.copyTo(this.#retriesTotal);
    this.#refusedTotal.reset();
    for (const [service, count] of this.#refused) this.#refusedTotal.inc({ service }, count);
  }

  #countRefused(service: string, times: number): void {
    const label = this.#names.label(service);
    this.#refused.set(label, (this.#refused.get(label) ?? 0) + times);
  }
}
