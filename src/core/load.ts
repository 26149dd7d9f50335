import type { Endpoint } from './endpoint.js';

/**
 * What the data path counts about one endpoint. Attempts write it; pickers and views read it.
 * It outlives a change of weight or metadata, so that the counts stay true.
 */
export interface EndpointLoad {
  /** Attempts begun and not yet settled. */
  inFlight: number;
  requests: number;
  failures: number;
  /** Exponentially weighted mean of the time to the response head, milliseconds; 0 before the first. */
  latencyEwmaMs: number;
}

/** An endpoint that may be picked now, with its load. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly load: EndpointLoad;
}

export function newLoad(): EndpointLoad {
  return { inFlight: 0, requests: 0, failures: 0, latencyEwmaMs: 0 };
}
