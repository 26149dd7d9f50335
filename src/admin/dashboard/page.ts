import { createHash } from 'node:crypto';
import type { EndpointState } from '../../core/endpoint.js';
import type { EndpointView, RegistryView, ServiceView } from '../../core/views.js';
import type { StreamSnapshot } from '../stream.js';
import { Html, html } from './html.js';
import { PAGE_SCRIPT } from './script.js';
import { PAGE_STYLE } from './style.js';

const ENDPOINT_LABELS = [
  'Address',
  'State',
  'In flight',
  'Requests',
  'Failures',
  'Latency',
  'Since (UTC)',
  'Takes no requests because',
];
const REGISTRY_LABELS = [
  'State',
  'Member',
  'Revision',
  'Confirmed',
  'Services',
  'Endpoints',
  'Invalid values',
  'Last error',
];
const STATE_CLASS = {
  up: 'good',
  ejected: 'bad',
  draining: 'warn',
  stale: 'warn',
  gone: 'faint',
} as const satisfies Record<EndpointState, string>;

/** The script as the page holds it. */
export const PAGE_SCRIPT_TEXT = PAGE_SCRIPT.replaceAll(
  'ENDPOINT_LABELS',
  JSON.stringify(ENDPOINT_LABELS),
).replaceAll('REGISTRY_LABELS', JSON.stringify(REGISTRY_LABELS));

/** Nothing runs or loads but this page's own style and script, which are named by their hashes. */
export const CONTENT_SECURITY_POLICY = [
  `default-src 'none'`,
  `style-src '${cspHash(PAGE_STYLE)}'`,
  `script-src '${cspHash(PAGE_SCRIPT_TEXT)}'`,
  `connect-src 'self'`,
  'img-src data:',
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/** The dashboard as it stands now, readable without JavaScript; the script then keeps it up to date. */
export function renderPage({ readiness, registries, services }: StreamSnapshot): string {
  const state = readiness.ready ? 'Ready.' : `Not ready: ${readiness.reasons.join('; ')}`;
  const noScript = html`<noscript>As of now. Without JavaScript, reload to see changes.</noscript>`;
  return document(
    noScript,
    html`<div id="content">
<p id="readiness" role="status">${state}</p>
<h2>Services</h2>
<div id="services">${orNone(services.map(serviceTable))}</div>
<h2>Registries</h2>
<div id="registries">${orNone(registries.map(registryTable))}</div>
</div>`,
  );
}

/** The same page without anything in it, asking for the token. */
export function renderLockedPage(): string {
  return document(
    html`This page needs the admin token.`,
    html`<div id="content" hidden>
<p id="readiness" role="status"></p>
<h2>Services</h2>
<div id="services"></div>
<h2>Registries</h2>
<div id="registries"></div>
</div>`,
  );
}

function document(connection: Html, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Watchgate</title>
<link rel="icon" href="data:,">
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<header>
<h1>Watchgate</h1>
<p id="connection" role="status">${connection}</p>
</header>
<main>
<form id="unlock" class="card" hidden>
<label for="token">Admin token<input id="token" type="password" autocomplete="current-password" required></label>
<button>Open</button>
</form>
${content}
</main>
<script>${new Html(PAGE_SCRIPT_TEXT)}</script>
</body>
</html>
`.text;
}

function serviceTable({ name, endpoints }: ServiceView): Html {
  const eligible = endpoints.filter((endpoint) => endpoint.notEligible === null).length;
  const note = `${eligible} of ${endpoints.length} endpoints take requests`;
  return table(name, note, ENDPOINT_LABELS, endpoints.map(endpointCells));
}

function endpointCells(endpoint: EndpointView): readonly Html[] {
  return [
    plain(endpoint.address),
    html`<span class="${STATE_CLASS[endpoint.state]}">${endpoint.state}</span>`,
    plain(endpoint.inFlight),
    plain(endpoint.requests),
    plain(endpoint.failures),
    plain(`${endpoint.latencyEwmaMs.toFixed(1)} ms`),
    plain(new Date(endpoint.since).toISOString().slice(0, 19).replace('T', ' ')),
    plain(endpoint.notEligible ?? ''),
  ];
}

function registryTable(registry: RegistryView): Html {
  const { confirmedMsAgo: age, connected, invalidValues } = registry;
  return table(registry.source, registry.type, REGISTRY_LABELS, [
    [
      html`<span class="${connected ? 'good' : 'bad'}">${connected ? 'connected' : 'not connected'}</span>`,
      plain(registry.member ?? ''),
      plain(registry.revision),
      plain(age === null ? 'never' : `${(age / 1000).toFixed(1)} s ago`),
      plain(registry.services),
      plain(registry.endpoints),
      plain(invalidValues.map(({ key, reason }) => `${key}: ${reason}`).join('; ')),
      plain(registry.lastError ?? ''),
    ],
  ]);
}

/** The roles are said because a table laid out as a grid on a small screen loses them. */
function table(
  title: string,
  note: string,
  labels: readonly string[],
  rows: readonly (readonly Html[])[],
): Html {
  const head = labels.map((label) => html`<th role="columnheader" scope="col">${label}</th>`);
  const body = rows.map((cells) => {
    const columns = cells.map(
      (cell, column) => html`<td role="cell" data-label="${labels[column] ?? ''}">${cell}</td>`,
    );
    return html`<tr role="row">${columns}</tr>`;
  });
  return html`<div class="card"><table role="table"><caption>${title} <span>${note}</span></caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table></div>
`;
}

function plain(value: string | number): Html {
  return html`<span>${value}</span>`;
}

function orNone(tables: readonly Html[]): readonly Html[] {
  return tables.length > 0 ? tables : [html`<p class="faint">None.</p>`];
}

function cspHash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
