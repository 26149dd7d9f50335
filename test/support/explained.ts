import type { Explanation } from '../../src/core/explanation.js';
import type { GatewayUnderTest } from './gateway-under-test.js';

export interface Question {
  readonly method?: string;
  readonly url: string;
  /** Whole field lines. */
  readonly headers?: readonly string[];
  readonly client?: string;
}

/** What a gateway answers when asked about a request. */
export async function explained(
  gateway: Pick<GatewayUnderTest, 'api'>,
  { method = 'GET', url, headers = [], client }: Question,
): Promise<Explanation> {
  const query = new URLSearchParams({ method, url });
  for (const line of headers) query.append('header', line);
  if (client !== undefined) query.set('client', client);
  return (await gateway.api(`/api/explain?${query}`)) as Explanation;
}
