import type { EndpointView, RegistryView, ServiceView } from '../../core/views.js';
import type { StreamSnapshot } from '../snapshot.js';
import type { Bundle } from './bundle.js';
import { Html, html } from './html.js';

const ENDPOINT_LABELS = [
  'Address',
  'State',
  'In flight',
  'Requests',
  'Failures',
  'Latency p50 / p99',
  'Weight',
  'Since (UTC)',
  'Takes no requests because',
];
const REGISTRY_LABELS = [
  'State',
  'Member',
  'Revision',
  'Confirmed',
  'Drift',
  'Services',
  'Endpoints',
  'Invalid values',
  'Last error',
];

/**
 * The page: a script that shows everything live, and the present moment as plain tables for a browser
 * that runs none. It all comes in one answer, because a browser cannot send the token with more requests.
 */
export function renderPage(bundle: Bundle, snapshot: StreamSnapshot): string {
  const plain = plainTables(snapshot);
  if (bundle.script === '') return document(bundle, plain);
  return document(bundle, html`<noscript>${plain}</noscript>`);
}

/** The same page without anything in it: its script asks for the token. */
export function renderLockedPage(bundle: Bundle): string {
  return document(
    bundle,
    html`<noscript><p>This page needs the admin token, and JavaScript to send it.</p></noscript>`,
  );
}

function document({ script, style }: Bundle, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Watchgate</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
<div id="page"></div>
${content}
<script>${new Html(script)}</script>
</body>
</html>
`.text;
}

function plainTables({ readiness, registries, services }: StreamSnapshot): Html {
  const state = readiness.ready ? 'Ready.' : `Not ready: ${readiness.reasons.join('; ')}`;
  return html`<main class="plain">
<h1>Watchgate</h1>
<p>As of now; reload to see changes. ${state}</p>
<h2>Services</h2>
${orNone(services.map(serviceTable))}
<h2>Registries</h2>
${orNone(registries.map(registryTable))}
</main>`;
}

function serviceTable({ name, endpoints }: ServiceView): Html {
  const eligible = endpoints.filter((endpoint) => endpoint.notEligible === null).length;
  const note = `${eligible} of ${endpoints.length} endpoints take requests`;
  return table(name, note, ENDPOINT_LABELS, endpoints.map(endpointCells));
}

function endpointCells(endpoint: EndpointView): readonly (string | number)[] {
  return [
    endpoint.address,
    endpoint.state,
    endpoint.inFlight,
    endpoint.requests,
    endpoint.failures,
    `${endpoint.latencyP50Ms.toFixed(1)} / ${endpoint.latencyP99Ms.toFixed(1)} ms`,
    endpoint.weight,
    new Date(endpoint.since).toISOString().slice(0, 19).replace('T', ' '),
    endpoint.notEligible ?? '',
  ];
}

function registryTable(registry: RegistryView): Html {
  const { confirmedMsAgo: age, invalidValues } = registry;
  return table(registry.source, registry.type, REGISTRY_LABELS, [
    [
      registry.connected ? 'connected' : 'not connected',
      registry.member ?? '',
      registry.revision,
      age === null ? 'never' : `${(age / 1000).toFixed(1)} s ago`,
      registry.drift,
      registry.services,
      registry.endpoints,
      invalidValues.map(({ key, reason }) => `${key}: ${reason}`).join('; '),
      registry.lastError ?? '',
    ],
  ]);
}

function table(
  title: string,
  note: string,
  labels: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): Html {
  const head = labels.map((label) => html`<th scope="col">${label}</th>`);
  const body = rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`);
  return html`<div class="card"><table><caption>${title} <small>${note}</small></caption>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody></table></div>
`;
}

function orNone(tables: readonly Html[]): readonly Html[] {
  return tables.length > 0 ? tables : [html`<p class="faint">None.</p>`];
}
