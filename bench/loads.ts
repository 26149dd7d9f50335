import type { Endpoints } from './endpoints.js';
import type { Feature, Site } from './rival.js';

/** What comes in. */
export type Traffic =
  | {
      readonly kind: 'http';
      readonly connections: number;
      readonly method?: 'GET' | 'POST';
      /** Chosen in turn. */
      readonly paths: readonly string[];
      readonly bodyBytes?: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'websocket'; readonly connections: number };

/** One setting of what a load varies; all of them are measured in turns. */
export interface Variant {
  /** Empty when there is but one. */
  readonly label: string;
  readonly site: (endpoints: Endpoints) => Site;
  readonly traffic: Traffic;
  /** Changes in the registry per second. */
  readonly churn?: number;
}

export interface Load {
  readonly name: string;
  readonly title: string;
  readonly needs: readonly Feature[];
  readonly variants: readonly Variant[];
  /** Cost and rate are per MiB of response rather than per request. */
  readonly perMiB?: boolean;
  /** Whether `--quick` runs it. */
  readonly quick?: boolean;
  /** Names of the rivals that are measured under this load only. */
  readonly aside?: readonly string[];
}

const KIB = 1024;
const LIST = '/goods/list';

const oneEndpoint = ({ fast }: Endpoints): Site => ({ routes: ['/'], endpoints: fast.slice(0, 1) });

function get(connections: number, paths: readonly string[] = [LIST]): Traffic {
  return { kind: 'http', connections, paths };
}

function post(connections: number, bodyBytes: number): Traffic {
  return { kind: 'http', connections, method: 'POST', paths: ['/upload'], bodyBytes };
}

function single(traffic: Traffic): readonly Variant[] {
  return [{ label: '', site: oneEndpoint, traffic }];
}

function routes(count: number): Variant {
  const prefixes = Array.from({ length: count }, (_, index) => `/route-${index}`);
  const paths = prefixes.map((prefix) => `${prefix}/list`);
  return {
    label: `${count} route${count === 1 ? '' : 's'}`,
    site: ({ fast }) => ({ routes: prefixes, endpoints: fast.slice(0, 1) }),
    traffic: get(64, paths),
  };
}

function endpoints(count: number, churn = 0): Variant {
  const changes = churn === 0 ? '' : `, ${churn} changes/s`;
  return {
    label: `${count} endpoint${count === 1 ? '' : 's'}${changes}`,
    site: ({ fast }) => ({ routes: ['/'], endpoints: fast.slice(0, count) }),
    traffic: get(64),
    churn,
  };
}

const manyHeaders = Object.fromEntries(
  Array.from({ length: 48 }, (_, index) => [`X-Asked-${index}`, `some-value-of-usual-length-${index}`]),
);

/** Every load, in the order in which they are measured and shown. */
export const loads: readonly Load[] = [
  { name: 'get-1', title: 'Small GET, 1 connection', needs: [], variants: single(get(1)) },
  {
    name: 'get-64',
    title: 'Small GET, 64 connections',
    needs: [],
    variants: single(get(64)),
    quick: true,
    aside: ['watchgate, logging'],
  },
  { name: 'get-512', title: 'Small GET, 512 connections', needs: [], variants: single(get(512)) },
  {
    name: 'post-1k',
    title: 'POST of 1 KiB, 64 connections',
    needs: [],
    variants: single(post(64, KIB)),
    quick: true,
  },
  {
    name: 'post-1m',
    title: 'POST of 1 MiB, 16 connections',
    needs: [],
    variants: single(post(16, KIB * KIB)),
  },
  {
    name: 'download-1m',
    title: 'Download of 1 MiB, 16 connections',
    needs: [],
    variants: single(get(16, ['/1m'])),
    perMiB: true,
    quick: true,
  },
  {
    name: 'download-100m',
    title: 'Download of 100 MiB, 2 connections',
    needs: [],
    variants: single(get(2, ['/100m'])),
    perMiB: true,
  },
  {
    name: 'headers',
    title: '50 header fields each way, 64 connections',
    needs: [],
    variants: single({ kind: 'http', connections: 64, paths: ['/headers'], headers: manyHeaders }),
  },
  {
    name: 'connect',
    title: 'A new connection for each request, 64 at a time',
    needs: [],
    variants: single({ kind: 'http', connections: 64, paths: [LIST], headers: { Connection: 'close' } }),
  },
  {
    name: 'routes',
    title: '1, 100 and 1,000 routes, asked in turn',
    needs: ['routes'],
    variants: [routes(1), routes(100), routes(1000)],
  },
  {
    name: 'endpoints',
    title: '1, 3 and 1,000 endpoints',
    needs: ['endpoints'],
    variants: [endpoints(1), endpoints(3), endpoints(1000)],
  },
  {
    name: 'churn',
    title: 'Endpoints that come and go, 100 changes a second',
    needs: ['registry'],
    // With fifty that come and go there are 28 on average.
    variants: [endpoints(3), endpoints(28), endpoints(3, 100)],
  },
  {
    name: 'slow',
    title: 'One of three endpoints takes 100 ms',
    needs: ['endpoints'],
    variants: [
      {
        label: '',
        site: ({ fast, slow }) => ({ routes: ['/'], endpoints: [...fast.slice(0, 2), slow] }),
        traffic: get(64),
      },
    ],
  },
  {
    name: 'websocket',
    title: 'WebSocket echo of 64 bytes, 64 connections',
    needs: ['websocket'],
    variants: [
      {
        label: '',
        site: ({ websocket }) => ({ routes: ['/'], endpoints: [websocket] }),
        traffic: { kind: 'websocket', connections: 64 },
      },
    ],
  },
];

/** Of the load with this name, its first variant, or the one at `place`, counted from the end when negative. Throws when there is none. */
export function variantNamed(name: string, place = 0): Variant {
  const variant = loads.find((load) => load.name === name)?.variants.at(place);
  if (variant === undefined) throw new Error(`there is no load ${name}`);
  return variant;
}
