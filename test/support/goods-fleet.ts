import type { TestContext } from 'node:test';
import type { EndpointState } from '../../src/core/endpoint.js';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from './gateway-under-test.js';
import { rawRequest } from './raw-client.js';
import { head, ok } from './raw-http.js';
import { answering, type RawUpstream, rawUpstream, type Script } from './raw-upstream.js';

/** What `/api/services/goods` says of one endpoint, as far as tests of failures look. */
export interface EndpointSeen {
  readonly address: string;
  readonly state: EndpointState;
  readonly notEligible: string | null;
  readonly inFlight: number;
}

/** Several upstreams, registered as `goods` in this order, behind one gateway. */
export class GoodsFleet {
  readonly gateway: GatewayUnderTest;
  readonly upstreams: readonly RawUpstream[];

  private constructor(gateway: GatewayUnderTest, upstreams: readonly RawUpstream[]) {
    this.gateway = gateway;
    this.upstreams = upstreams;
  }

  /** `policy` lines stand under the service; `extra` addresses are registered too. All ends with the test. */
  static async start(
    t: TestContext,
    scripts: readonly Script[],
    {
      policy = [],
      route = [],
      extra = [],
    }: {
      readonly policy?: readonly string[];
      readonly route?: readonly string[];
      readonly extra?: readonly string[];
    } = {},
  ): Promise<GoodsFleet> {
    const upstreams = await Promise.all(scripts.map((script) => rawUpstream(script)));
    t.after(() => Promise.all(upstreams.map((upstream) => upstream.close())));
    const lines = ['balance: round-robin', ...policy].map((line) => `    ${line}\n`).join('');
    const gateway = await startGatewayUnderTest({
      routes: `${routeAll(...route)}services:\n  goods:\n${lines}`,
      services: { goods: [...upstreams.map(({ address }) => address), ...extra] },
    });
    t.after(() => gateway.close());
    return new GoodsFleet(gateway, upstreams);
  }

  /** Status of a GET on a connection of its own. */
  async get(path = '/'): Promise<number> {
    return (await rawRequest(this.gateway.port, head(`GET ${path} HTTP/1.1`, 'Host: a'))).status;
  }

  /** Statuses of so many POSTs, one after another: what was sent of them is never sent again. */
  async posts(count: number): Promise<number[]> {
    const statuses: number[] = [];
    const post = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2')}hi`;
    for (let turn = 0; turn < count; turn += 1) {
      statuses.push((await rawRequest(this.gateway.port, post)).status);
    }
    return statuses;
  }

  /** Statuses of so many GETs, one after another. */
  async gets(count: number): Promise<number[]> {
    const statuses: number[] = [];
    for (let turn = 0; turn < count; turn += 1) statuses.push(await this.get());
    return statuses;
  }

  /** What the admin API says of one endpoint, by index or address. */
  async seen(which: number | string): Promise<EndpointSeen> {
    const address = typeof which === 'string' ? which : this.upstreams[which]?.address;
    const { endpoints } = (await this.gateway.api('/api/services/goods')) as {
      readonly endpoints: readonly EndpointSeen[];
    };
    const endpoint = endpoints.find((one) => one.address === address);
    if (endpoint === undefined) throw new Error(`${address} is not listed`);
    return endpoint;
  }

  /** Complete requests that an upstream has had. */
  requests(index: number): number {
    return this.upstreams[index]?.requests.length ?? 0;
  }
}

/** Answers `200`. */
export const well: Script = answering(ok());

/** Answers with this status. */
export function failing(status: number): Script {
  return answering(head(`HTTP/1.1 ${status} Failing`, 'Content-Length: 0'));
}

/** Resets the connection when a request has come. */
export const resetting: Script = async (connection) => {
  await connection.request();
  connection.reset();
};

/** Takes requests and never answers. */
export const hanging: Script = async (connection) => {
  while ((await connection.request()) !== undefined);
};
