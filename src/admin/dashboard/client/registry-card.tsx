import type { ComponentChildren, JSX } from 'preact';
import type { RegistryView } from '../../../core/views.js';
import { agoText, countText } from './format.js';

interface RegistryProps {
  readonly registry: RegistryView;
  /** How old the view is, milliseconds. */
  readonly ageMs: number;
}

/** How sure the gateway is of what it shows. */
export function RegistryCard({ registry, ageMs }: RegistryProps): JSX.Element {
  const { confirmedMsAgo, invalidValues } = registry;
  const well = registry.connected && registry.ready && !registry.degraded;
  return (
    <section class="card registry" aria-label={`Registry ${registry.source}`}>
      <header>
        <h3>{registry.source}</h3>
        <p class={`standing ${well ? 'good' : registry.connected ? 'warn' : 'bad'}`}>
          {registry.type}, {stateText(registry)}
        </p>
      </header>
      <dl class="terms">
        <Fact term="Confirmed">{agoText(confirmedMsAgo === null ? null : confirmedMsAgo + ageMs)}</Fact>
        <Fact term="Member">{registry.member ?? 'none'}</Fact>
        <Fact term="Revision">{registry.revision || '–'}</Fact>
        <Fact term="Drift" tone={registry.drift > 0 ? 'warn' : ''}>
          {registry.drift === 0 ? 'none found' : countText(registry.drift, 'key')}
        </Fact>
        <Fact term="Holds">
          {countText(registry.services, 'service')}, {countText(registry.endpoints, 'endpoint')}
        </Fact>
        {registry.lastError !== null && (
          <Fact term="Last error" tone={registry.connected ? '' : 'bad'}>
            {registry.lastError}
          </Fact>
        )}
      </dl>
      {invalidValues.length > 0 && (
        <details>
          <summary class="warn">{countText(invalidValues.length, 'value')} cannot be read</summary>
          <ul>
            {invalidValues.map(({ key, reason }) => (
              <li key={key}>
                <code>{key}</code> {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function stateText({ connected, ready, degraded }: RegistryView): string {
  if (!connected) return degraded ? 'not connected, view unconfirmed' : 'not connected';
  if (!ready) return 'being listed';
  return degraded ? 'view unconfirmed' : 'connected';
}

interface FactProps {
  readonly term: string;
  readonly tone?: string;
  readonly children: ComponentChildren;
}

function Fact({ term, tone = '', children }: FactProps): JSX.Element {
  return (
    <div>
      <dt>{term}</dt>
      <dd class={tone}>{children}</dd>
    </div>
  );
}
