import type { JSX } from 'preact';
import type { RouteView } from '../../../core/views.js';
import { durationText, sizeText } from './format.js';

const LABELS = ['Route', 'Service', 'Try', 'Total', 'Attempts', 'Body up to'] as const;

interface RouteTableProps {
  readonly routes: readonly RouteView[];
  readonly onExplain: (route: RouteView) => void;
}

/** The routes in use, with the parts of their policies that are asked about first. */
export function RouteTable({ routes, onExplain }: RouteTableProps): JSX.Element {
  return (
    <div class="card">
      <table role="table" class="routes" aria-labelledby="routes-title">
        <thead role="rowgroup">
          <tr role="row">
            {LABELS.map((label, index) => (
              <th key={label} role="columnheader" scope="col" class={index > 1 ? 'number' : ''}>
                {label}
              </th>
            ))}
            <th role="columnheader" scope="col">
              <span class="unseen">Action</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">{routes.map((route) => RouteRow({ route, onExplain }))}</tbody>
      </table>
    </div>
  );
}

interface RouteRowProps {
  readonly route: RouteView;
  readonly onExplain: (route: RouteView) => void;
}

function RouteRow({ route, onExplain }: RouteRowProps): JSX.Element {
  const { id, host, prefix, service, replacePrefix, policy } = route;
  const numbers = [
    durationText(policy.tryTimeout),
    durationText(policy.totalTimeout),
    policy.maxAttempts,
    sizeText(policy.maxBody),
  ];
  return (
    <tr role="row" key={id}>
      <th role="rowheader" scope="row" class="address">
        {host}
        {prefix}
        {replacePrefix !== null && <small> as {replacePrefix}</small>}
      </th>
      <td role="cell" data-label="Service">
        <a href={`#service-${encodeURIComponent(service)}`}>{service}</a>
      </td>
      {numbers.map((value, index) => (
        <td key={LABELS[index + 2]} role="cell" class="number" data-label={LABELS[index + 2] ?? ''}>
          {value}
        </td>
      ))}
      <td role="cell" class="verb">
        <button
          type="button"
          class="small"
          aria-label={`explain a request to ${id}`}
          onClick={() => onExplain(route)}
        >
          Explain
        </button>
      </td>
    </tr>
  );
}
