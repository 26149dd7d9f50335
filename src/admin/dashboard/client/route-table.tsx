import type { JSX } from 'preact';
import type { RouteView } from '../../../core/views.js';
import { durationText, sizeText } from './format.js';

const LABELS = ['Route', 'Service', 'Try', 'Total', 'Attempts', 'Body up to'] as const;

/** The routes in use, with the parts of their policies that are asked about first. */
export function RouteTable({ routes }: { readonly routes: readonly RouteView[] }): JSX.Element {
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
          </tr>
        </thead>
        <tbody role="rowgroup">{routes.map((route) => RouteRow({ route }))}</tbody>
      </table>
    </div>
  );
}

function RouteRow({ route }: { readonly route: RouteView }): JSX.Element {
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
    </tr>
  );
}
