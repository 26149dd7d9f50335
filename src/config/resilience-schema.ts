import type { EjectionPolicy, HashKey, HealthCheckPolicy } from '../core/route.js';
import { hostHeader } from './network-scalars.js';
import { duration, flag, oneOf, scalar, wholeNumber } from './scalars.js';
import { section } from './section.js';

/** When endpoints are taken out by how their attempts end. Percentages become shares. */
export const ejectionSchema = section({
  enabled: flag().prefault(true).meta({ description: 'false never takes an endpoint out by its failures.' }),
  consecutiveFailures: wholeNumber(1, 1000)
    .prefault(5)
    .meta({ description: 'Failed attempts in a row after which an endpoint is taken out.' }),
  successRateGap: wholeNumber(1, 100).prefault(30).meta({
    description: "Percentage points by which an endpoint's successes may be below those of the others.",
  }),
  baseTime: duration().prefault('10s').meta({
    description: 'How long the first time lasts; the n-th lasts n times as long, give or take a tenth.',
  }),
  maxPercent: wholeNumber(1, 100).prefault(50).meta({
    description: 'Most endpoints of a service that may be out at once; always one, never the last.',
  }),
}).transform(
  ({ enabled, consecutiveFailures, successRateGap, baseTime, maxPercent }): EjectionPolicy => ({
    enabled,
    consecutiveFailures,
    successRateGap: successRateGap / 100,
    baseTime,
    maxShare: maxPercent / 100,
  }),
);

/** How endpoints are asked whether they are well. */
export const healthCheckSchema = section({
  type: oneOf(['http', 'tcp', 'none'])
    .prefault('http')
    .meta({ description: 'http asks for path, tcp makes a connection, none checks nothing.' }),
  path: checkPath().prefault('/healthz').meta({ description: 'What http asks for, with its query.' }),
  hostHeader: hostHeader().optional().meta({ description: 'The Host to ask with; the address when absent.' }),
  expect: statusRange().prefault('200-399').meta({ description: 'Statuses that pass: one, or a range.' }),
  interval: duration({ least: 100 })
    .prefault('5s')
    .meta({ description: 'Time between checks, give or take a tenth.' }),
  timeout: duration().prefault('1s').meta({ description: 'Longest wait for an answer.' }),
  healthy: wholeNumber(1, 100)
    .prefault(2)
    .meta({ description: 'Passes in a row that bring an endpoint back.' }),
  unhealthy: wholeNumber(1, 100)
    .prefault(3)
    .meta({ description: 'Failures in a row that take an endpoint out.' }),
}).transform(
  ({ healthy, unhealthy, ...check }): HealthCheckPolicy => ({
    ...check,
    hostHeader: check.hostHeader,
    healthyAfter: healthy,
    unhealthyAfter: unhealthy,
  }),
);

/** `client`, `header:NAME` or `cookie:NAME`. */
export function hashKey() {
  return scalar<HashKey>(
    'client, header:NAME or cookie:NAME',
    { type: 'string', pattern: '^(client|(header|cookie):.+)$' },
    (value) => {
      if (value === 'client') return { value: { from: 'client' } };
      const [, from, name] = /^(header|cookie):([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/.exec(String(value)) ?? [];
      if (name === undefined) return undefined;
      return { value: from === 'header' ? { from, name: name.toLowerCase() } : { from: 'cookie', name } };
    },
  );
}

function statusRange() {
  return scalar(
    'a status such as 200, or a range such as 200-399',
    { type: ['string', 'integer'], pattern: '^[1-5]\\d\\d(-[1-5]\\d\\d)?$' },
    (value) => {
      const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(String(value)) ?? [];
      if (from === undefined || Number(to) < Number(from)) return undefined;
      return { value: { from: Number(from), to: Number(to) } };
    },
  );
}

function checkPath() {
  return scalar('a path such as /healthz', { type: 'string', pattern: '^/' }, (value) =>
    typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value) ? { value } : undefined,
  );
}
