import { stringify } from 'yaml';
import type { RegistryUrl } from '../core/registry-url.js';
import type { EtcdSurvey } from '../discovery/etcd/survey-etcd.js';
import type { RegistryPlan } from '../discovery/reading-plan.js';
import { printable } from './endpoint-rows.js';

export interface ProbeReport {
  readonly survey: EtcdSurvey;
  readonly url: RegistryUrl;
  /** The prefix that was asked for. */
  readonly prefix: string;
}

const MOST_LISTED = 20;

/** All that was found, for machines. No value of a key is in it. */
export function probeJson({ survey, url, prefix }: ProbeReport): string {
  const { member, revision, truncated, groups, services, rubbish, leaseSeconds } = survey;
  return JSON.stringify({
    ...{ member, revision, prefix, truncated },
    groups: groups.map(({ leases: _, ...group }) => ({
      ...group,
      leaseSeconds: leaseSeconds.get(group.schema) ?? [],
    })),
    services,
    rubbish,
    keys: survey.keys.map(({ key, schema, registrations }) => ({
      key,
      schema: schema ?? null,
      services: [...new Set(registrations.map(({ service }) => service))],
      endpoints: registrations.map(({ address }) => address.text),
    })),
    settings: settings(survey, url) ?? null,
  });
}

/** The same for people: tables, and last of all the block to paste. */
export function probeLines(report: ProbeReport, everyKey: boolean): string[] {
  const { survey } = report;
  return [
    summary(report),
    ...(survey.truncated ? ['There are more keys than were read.'] : []),
    ...groupTable(survey),
    ...serviceTable(survey),
    ...(everyKey ? keyTable(survey) : []),
    ...rubbishList(survey, everyKey),
    ...block(report),
  ];
}

function summary({ survey, prefix }: ProbeReport): string {
  const { keys, services, member, revision } = survey;
  const where = prefix === '' ? 'in the whole registry' : `at and below ${printable(prefix)}`;
  const endpoints = services.reduce((sum, service) => sum + service.endpoints, 0);
  const found = `${count(keys.length, 'key')}, ${count(services.length, 'service')}, ${count(endpoints, 'endpoint')}`;
  return `${found} ${where} (${member}, revision ${revision})`;
}

function groupTable({ groups, leaseSeconds }: EtcdSurvey): string[] {
  const rows = groups.map(({ prefix, schema, keys, services, endpoints, keysWithoutLease }) => [
    prefix === '' ? '(root)' : printable(prefix),
    schema,
    ...[keys, services, endpoints].map(String),
    leaseText(leaseSeconds.get(schema) ?? [], keys, keysWithoutLease),
  ]);
  return table(['PREFIX', 'SCHEMA', 'KEYS', 'SERVICES', 'ENDPOINTS', 'LEASE'], rows);
}

/** Granted seconds: what the registry keeps a dead registration for, whatever was asked for. */
function leaseText(seconds: readonly number[], keys: number, keysWithoutLease: number): string {
  if (keys === keysWithoutLease) return 'none';
  const [least, most] = [seconds.at(0), seconds.at(-1)];
  const span = least === undefined ? 'unknown' : least === most ? `${least} s` : `${least} to ${most} s`;
  return keysWithoutLease === 0 ? span : `${span}, ${keysWithoutLease} without`;
}

function serviceTable({ services }: EtcdSurvey): string[] {
  const rows = services
    .slice(0, MOST_LISTED)
    .map(({ name, schemas, endpoints, draining }) => [
      printable(name),
      schemas.join(', '),
      String(endpoints),
      String(draining),
    ]);
  return [
    ...table(['SERVICE', 'SCHEMA', 'ENDPOINTS', 'DRAINING'], rows),
    ...andMore(services.length, MOST_LISTED),
  ];
}

function keyTable({ keys }: EtcdSurvey): string[] {
  const rows = keys.map(({ key, schema, registrations }) => [
    printable(key),
    schema ?? '?',
    registrations.map(({ address }) => address.text).join(' '),
  ]);
  return table(['KEY', 'SCHEMA', 'ADDRESS'], rows);
}

function rubbishList({ rubbish }: EtcdSurvey, all: boolean): string[] {
  if (rubbish.length === 0) return [];
  const most = all ? rubbish.length : MOST_LISTED;
  return [
    '',
    `${count(rubbish.length, 'key')} with something that cannot be used:`,
    ...rubbish.slice(0, most).map(({ key, reason }) => `  ${printable(key)}: ${printable(reason)}`),
    ...andMore(rubbish.length, most),
  ];
}

function block({ survey, url, prefix }: ProbeReport): string[] {
  const found = settings(survey, url);
  if (found === undefined) {
    const open = stringify({ registry: registry({ prefix, schema: 'auto' }, url) }).trimEnd();
    return ['', 'Nothing here is a registration of a known schema. What will be one is read by:', '', open];
  }
  const notes = [];
  if (survey.plans.some(({ prefix }) => prefix === '')) {
    notes.push('# Reads the whole registry. With a registry for each PREFIX above, less is read.');
  }
  return ['', ...notes, stringify(found).trimEnd()];
}

/** As in routes.yaml. Undefined when nothing is registered. */
function settings({ plans }: EtcdSurvey, url: RegistryUrl): object | undefined {
  const [first, ...others] = plans.map((plan) => registry(plan, url));
  if (first === undefined) return undefined;
  if (others.length === 0) return { registry: first };
  const named = others.map((other, index) => [`registry${index + 2}`, other] as const);
  return { registries: Object.fromEntries([['main', first], ...named]) };
}

/** Never the password: `$`-references are replaced by the gateway. */
function registry({ prefix, schema }: RegistryPlan, { endpoints, username }: RegistryUrl): object {
  return {
    type: 'etcd',
    endpoints,
    prefix: literal(prefix),
    schema,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference in routes.yaml.
    ...(username !== undefined && { username: literal(username), password: '${ETCD_PASSWORD}' }),
  };
}

/** Text that the gateway does not take for a reference to its environment. */
function literal(text: string): string {
  return text.replaceAll('${', '$${');
}

/** A heading and aligned columns after an empty line; nothing at all without rows. */
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return [
    '',
    ...lines.map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  ];
}

function andMore(total: number, shown: number): string[] {
  return total > shown ? [`  and ${total - shown} more; --json has all`] : [];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
