import type { ComponentChildren, JSX } from 'preact';
import type { Connection, Picture } from './dashboard.js';
import { totals } from './fleet.js';
import { clockText, rateText, shareText } from './format.js';

interface HeaderProps {
  readonly picture: Picture;
  readonly onExplain: () => void;
}

/** What is asked first: is it live, is it ready, how much is there and how is it doing. */
export function Header({ picture, onExplain }: HeaderProps): JSX.Element {
  return (
    <header class="top">
      <div class="brand">
        <Mark />
        <h1>Watchgate</h1>
        <p class={`connection ${picture.connection.kind}`} role="status">
          <span class="dot" aria-hidden="true" />
          {connectionText(picture.connection)}
        </p>
        {picture.readiness !== null && picture.connection.kind !== 'locked' && (
          <button type="button" class="small" id="explain-open" onClick={onExplain}>
            Explain<span> a request</span>
          </button>
        )}
      </div>
      {picture.readiness !== null && <Totals picture={picture} />}
    </header>
  );
}

/** A gate with an open way through it. */
function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <path class="posts" d="M4 28V13A12 12 0 0 1 28 13V28" />
      <path class="way" d="M10 20h11m-4.5-5 5 5-5 5" />
    </svg>
  );
}

function connectionText(connection: Connection): string {
  switch (connection.kind) {
    case 'live':
      return 'Live';
    case 'connecting':
      return 'Connecting…';
    case 'cut':
      return `Connection lost at ${clockText(connection.at)}`;
    case 'locked':
      return 'Locked';
  }
}

function Totals({ picture: { services, readiness, config } }: { readonly picture: Picture }): JSX.Element {
  const here = services.flatMap(({ endpoints }) => endpoints).filter(({ view }) => view.state !== 'gone');
  const { takingRequests, requestsPerSecond, failureShare } = totals(here);
  const inFlight = here.reduce((sum, { view }) => sum + view.inFlight, 0);
  return (
    <dl class="totals">
      <Total term="Gateway" tone={readiness?.ready ? 'good' : 'bad'}>
        {readiness?.ready ? 'ready' : 'not ready'}
      </Total>
      <Total term="Services">{services.length}</Total>
      <Total term="Endpoints" tone={takingRequests < here.length ? 'warn' : ''}>
        {takingRequests}
        {takingRequests < here.length && <small> of {here.length}</small>}
      </Total>
      <Total term="Requests/s">{rateText(requestsPerSecond)}</Total>
      <Total term="Errors" tone={(failureShare ?? 0) > 0 ? 'bad' : ''}>
        {shareText(failureShare)}
      </Total>
      <Total term="In flight">{inFlight}</Total>
      {config !== null && <Total term="Config">#{config.generation}</Total>}
    </dl>
  );
}

interface TotalProps {
  readonly term: string;
  readonly tone?: string;
  readonly children: ComponentChildren;
}

function Total({ term, tone = '', children }: TotalProps): JSX.Element {
  return (
    <div>
      <dt>{term}</dt>
      <dd class={tone}>{children}</dd>
    </div>
  );
}
