import type { ComponentChildren, JSX } from 'preact';
import type { EndpointView } from '../../../core/views.js';
import type { EndpointLine } from './fleet.js';
import { ageText, latencyPair, rateText, shareText } from './format.js';
import { Sparkline } from './sparkline.js';
import { StateBadge } from './state-badge.js';

export type Verb = 'drain' | 'undrain';

/** The columns, in order. The last one, the verb, has no words above it. */
export const ENDPOINT_LABELS = [
  'Endpoint',
  'State',
  'In flight',
  'Requests/s',
  'Errors',
  'Latency p50 / p99',
  'Weight',
  'Age',
] as const;

interface RowProps {
  readonly service: string;
  readonly line: EndpointLine;
  readonly panicking: boolean;
  readonly onVerb: (address: string, verb: Verb) => void;
}

export function EndpointRow({ service, line, panicking, onVerb }: RowProps): JSX.Element {
  const { view, mark } = line;
  return (
    // The roles are said because a table laid out as a grid on a small screen loses them.
    <tr role="row" class={mark ?? ''} data-state={view.state}>
      <th role="rowheader" scope="row" class="address">
        {view.address}
      </th>
      <Cell label={1}>
        <StateBadge state={view.state} />
        <Reason view={view} panicking={panicking} />
      </Cell>
      <Cell label={2} number>
        {view.inFlight}
      </Cell>
      <Cell label={3} number>
        {rateText(line.requestsPerSecond)}
      </Cell>
      <Cell label={4} number tone={(line.failureShare ?? 0) > 0 ? 'bad' : ''}>
        {shareText(line.failureShare)}
      </Cell>
      <Cell label={5} number>
        <span class="latency">
          <Sparkline values={line.p50Ms} upper={line.p99Ms} />
          <span>{latencyPair(view.latencyP50Ms, view.latencyP99Ms)}</span>
        </span>
      </Cell>
      <Cell label={6} number>
        {view.weight}
      </Cell>
      <Cell label={7} number>
        {ageText(Date.now() - view.since)}
      </Cell>
      <td role="cell" class="verb">
        {view.state !== 'gone' && <VerbButton service={service} view={view} onVerb={onVerb} />}
      </td>
    </tr>
  );
}

interface CellProps {
  /** Index into the labels. */
  readonly label: number;
  readonly number?: boolean;
  readonly tone?: string;
  readonly children: ComponentChildren;
}

function Cell({ label, number = false, tone = '', children }: CellProps): JSX.Element {
  const classes = [number ? 'number' : '', tone].filter(Boolean).join(' ');
  return (
    <td role="cell" data-label={ENDPOINT_LABELS[label] ?? ''} class={classes}>
      {children}
    </td>
  );
}

interface ReasonProps {
  readonly view: EndpointView;
  readonly panicking: boolean;
}

/** Why it takes no requests, or why it takes them all the same. The state stands right before it. */
export function Reason({ view, panicking }: ReasonProps): JSX.Element {
  return <span class="reason">{reasonText(view, panicking)}</span>;
}

function reasonText({ state, notEligible, held }: EndpointView, panicking: boolean): string {
  if (notEligible !== null) return notEligible.replace(`${state}: `, '');
  if (state === 'ejected' && panicking) return 'used all the same: too few are well';
  return held?.reason ?? '';
}

function VerbButton({
  service,
  view,
  onVerb,
}: Omit<RowProps, 'line' | 'panicking'> & { readonly view: EndpointView }) {
  const verb: Verb = drainedHere(view) ? 'undrain' : 'drain';
  // What its own registration drains is not for this page to take back.
  const refused = view.state === 'draining' && verb === 'drain';
  return (
    <button
      type="button"
      class="small"
      disabled={refused}
      aria-label={`${verb} ${view.address} of ${service}`}
      onClick={() => onVerb(view.address, verb)}
    >
      {verb === 'drain' ? 'Drain' : 'Undrain'}
    </button>
  );
}

function drainedHere({ state, notEligible }: EndpointView): boolean {
  return state === 'draining' && (notEligible ?? '').includes('operator');
}
