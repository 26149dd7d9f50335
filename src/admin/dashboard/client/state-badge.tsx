import type { JSX } from 'preact';
import type { EndpointState } from '../../../core/endpoint.js';

/** A shape for each state, so that colour is never all there is to tell them apart. */
const SHAPES: Readonly<Record<EndpointState, string>> = {
  up: 'M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1Z',
  ejected: 'M2.2 1 6 4.8 9.8 1 11 2.2 7.2 6 11 9.8 9.8 11 6 7.2 2.2 11 1 9.8 4.8 6 1 2.2Z',
  draining: 'M1 2.5h10L6 11Z',
  stale: 'M1 1h3.4v10H1Zm6.6 0H11v10H7.6Z',
  gone: 'M1 5h10v2H1Z',
};

/** `stale` is what the API says; what it means to an operator is that the endpoint is held. */
const WORDS: Readonly<Record<EndpointState, string>> = {
  up: 'up',
  ejected: 'ejected',
  draining: 'draining',
  stale: 'held',
  gone: 'gone',
};

export function StateBadge({ state }: { readonly state: EndpointState }): JSX.Element {
  return (
    <span class={`state ${state}`}>
      <svg viewBox="0 0 12 12" width="10" height="10" aria-hidden="true">
        <path d={SHAPES[state]} />
      </svg>
      {WORDS[state]}
    </span>
  );
}
