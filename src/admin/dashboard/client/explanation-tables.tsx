import type { JSX } from 'preact';
import type { ExplainedEndpoint, ExplainedRoute, PastEndpoint } from '../../../core/explanation.js';
import { routesWorthShowing, scoreText } from '../../../core/explanation-words.js';
import { Reason } from './endpoint-row.js';
import { countText, momentText, shareText } from './format.js';
import { journalText } from './journal-text.js';
import { LabelledTable } from './labelled-table.js';
import { StateBadge } from './state-badge.js';

/** Every route, the most specific first, and what it is to the request. */
export function RoutesTable({ routes }: { readonly routes: readonly ExplainedRoute[] }): JSX.Element | null {
  if (routes.length === 0) return null;
  const { shown, left } = routesWorthShowing(routes);
  return (
    <section>
      <h4 id="answer-routes">Routes</h4>
      <LabelledTable
        titledBy="answer-routes"
        class="verdicts"
        columns={[{ label: 'Route' }, { label: 'Matches' }, { label: 'Why' }]}
        rows={shown.map(({ id, fit, why }) => ({
          key: id,
          class: fit === 'matched' ? 'chosen' : '',
          cells: [id, fit === 'matched' ? <b>yes</b> : 'no', why],
        }))}
      />
      {left > 0 && <p class="faint">… and {left} more that do not fit</p>}
    </section>
  );
}

interface EndpointsProps {
  readonly endpoints: readonly ExplainedEndpoint[];
  readonly panicking: boolean;
  readonly pick: string | null;
}

const ENDPOINT_COLUMNS = [
  { label: 'Endpoint' },
  { label: 'State' },
  { label: 'Score', number: true },
  { label: 'Chance', number: true },
  { label: 'Connection' },
];

/** Every endpoint, with the number that the picker compares. */
export function EndpointsTable({ endpoints, panicking, pick }: EndpointsProps): JSX.Element {
  return (
    <section>
      <h4 id="answer-endpoints">Endpoints</h4>
      {endpoints.length === 0 ? (
        <p class="faint">There are none.</p>
      ) : (
        <LabelledTable
          titledBy="answer-endpoints"
          columns={ENDPOINT_COLUMNS}
          rows={byAddress(endpoints).map((endpoint) => ({
            key: endpoint.address,
            class: endpoint.address === pick ? 'chosen' : '',
            cells: endpointCells(endpoint, panicking),
          }))}
        />
      )}
    </section>
  );
}

/** As they stand elsewhere on the page. */
function byAddress<E extends { readonly address: string }>(endpoints: readonly E[]): readonly E[] {
  return [...endpoints].sort((a, b) => (a.address < b.address ? -1 : 1));
}

function endpointCells(endpoint: ExplainedEndpoint, panicking: boolean) {
  const { address, state, score, chance, connection } = endpoint;
  return [
    address,
    <>
      <StateBadge state={state} />
      <Reason view={endpoint} panicking={panicking} />
    </>,
    score === null ? '–' : scoreText(score),
    shareText(chance),
    connection ?? '–',
  ];
}

interface PastEndpointsProps {
  readonly service: string;
  readonly endpoints: readonly PastEndpoint[];
}

const PAST_COLUMNS = [
  { label: 'Endpoint' },
  { label: 'State' },
  { label: 'Took requests' },
  { label: 'Last change before' },
];

/** The endpoints of then, as far as the journal tells. */
export function PastEndpointsTable({ service, endpoints }: PastEndpointsProps): JSX.Element {
  return (
    <section>
      <h4 id="answer-endpoints">
        {countText(endpoints.length, 'endpoint')} of {service}
      </h4>
      {endpoints.length > 0 && (
        <LabelledTable
          titledBy="answer-endpoints"
          class="past"
          columns={PAST_COLUMNS}
          rows={byAddress(endpoints).map(({ address, state, tookRequests, last }) => ({
            key: address,
            cells: [
              address,
              <StateBadge key={state} state={state} />,
              tookRequests ? 'yes' : 'no',
              last === null ? 'not known' : <LastChange entry={last} />,
            ],
          }))}
        />
      )}
    </section>
  );
}

function LastChange({ entry }: { readonly entry: NonNullable<PastEndpoint['last']> }): JSX.Element {
  const { what, more } = journalText(entry);
  return (
    <>
      {momentText(entry.at)} <b>{what}</b> <small>{more}</small>
    </>
  );
}
