import { cheapest, type LoadResult, type Repeat, type Row, typical } from './results.js';

/** Something the gateway is held to, and how it stands. */
export interface Bar {
  readonly what: string;
  /** The bound, as text. */
  readonly bound: string;
  readonly measured: string;
  readonly met: boolean;
}

type Pick = (repeat: Repeat) => number | null;

const p50: Pick = (repeat) => repeat.p50Micros;
const rate: Pick = (repeat) => repeat.mibPerSecond;

/** One load's rows by rival and variant. */
class Figures {
  readonly #rows: readonly Row[];

  constructor(result: LoadResult | undefined) {
    this.#rows = result?.rows ?? [];
  }

  of(rival: string, pick: Pick): number {
    return typical(this.#row(rival, ''), pick);
  }

  cpu(rival: string, variant = ''): number {
    return cheapest(this.#row(rival, variant));
  }

  #row(rival: string, variant: string): Row | undefined {
    return this.#rows.find((row) => row.rival === rival && row.variant === variant);
  }
}

function atMost(what: string, ratio: number, bound: number): Bar {
  return {
    what,
    bound: `at most ${bound.toFixed(2)} ×`,
    measured: `${ratio.toFixed(2)} ×`,
    met: ratio <= bound,
  };
}

function costsOfOne(find: (load: string) => Figures): Bar[] {
  const get = find('get-64');
  const own = get.cpu('watchgate');
  const perRival = (rival: string, bound: number): Bar =>
    atMost(`CPU for a small GET, of ${rival}’s`, own / get.cpu(rival), bound);
  const one = find('get-1');
  const added = one.of('watchgate', p50) - one.of('no proxy', p50);
  return [
    perRival('nginx', 2.2),
    perRival('caddy', 0.5),
    perRival('@fastify/http-proxy', 0.55),
    atMost('CPU with the access log on, of that without', get.cpu('watchgate, logging') / own, 1.15),
    {
      what: 'Added to the median request on one connection',
      bound: 'under 150 µs',
      measured: `${Math.round(added)} µs`,
      met: added < 150,
    },
  ];
}

function costsOfMany(find: (load: string) => Figures): Bar[] {
  const own = (load: string, variant: string): number => find(load).cpu('watchgate', variant);
  const download = find('download-100m');
  const share = download.of('watchgate', rate) / download.of('nginx', rate);
  return [
    atMost(
      'CPU with 1,000 routes, of that with one',
      own('routes', '1000 routes') / own('routes', '1 route'),
      1.05,
    ),
    atMost(
      'CPU with 1,000 endpoints, of that with one',
      own('endpoints', '1000 endpoints') / own('endpoints', '1 endpoint'),
      1.05,
    ),
    atMost(
      'CPU with 100 changes a second, of that without',
      own('churn', '3 endpoints, 100 changes/s') / own('churn', '3 endpoints'),
      1.1,
    ),
    {
      what: 'Rate of a 100 MiB download, of nginx’s',
      bound: 'at least 0.60 ×',
      measured: `${share.toFixed(2)} ×`,
      met: share >= 0.6,
    },
  ];
}

/** Every bar for which there are figures. */
export function bars(results: ReadonlyMap<string, LoadResult>): readonly Bar[] {
  const find = (load: string): Figures => new Figures(results.get(load));
  return [...costsOfOne(find), ...costsOfMany(find)].filter(({ measured }) => !measured.startsWith('NaN'));
}
