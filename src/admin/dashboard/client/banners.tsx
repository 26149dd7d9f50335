import type { JSX } from 'preact';
import type { Picture } from './dashboard.js';
import { clockText } from './format.js';

interface BannersProps {
  readonly picture: Picture;
  readonly onDismiss: () => void;
}

/** What must not be missed: that the page is not current, that the gateway is not ready, that a reload failed. */
export function Banners({ picture, onDismiss }: BannersProps): JSX.Element {
  const { connection, readiness, config, complaint, news } = picture;
  return (
    <div class="banners">
      <p class="unseen" role="status">
        {news}
      </p>
      <div role="alert">
        {connection.kind === 'cut' && (
          <p class="banner bad">
            <b>The connection to the gateway is cut.</b> What is shown is from {clockText(connection.at)} and
            may be wrong by now. Trying again…
          </p>
        )}
      </div>
      {readiness !== null && !readiness.ready && (
        <p class="banner warn">
          <b>Not ready.</b> {readiness.reasons.join('; ')}
        </p>
      )}
      {config !== null && !config.lastReloadSuccessful && (
        <p class="banner bad">
          <b>The configuration was refused; generation {config.generation} stays in use.</b>{' '}
          {config.errors.join('; ')}
        </p>
      )}
      <div role="alert">
        {complaint !== '' && (
          <p class="banner bad">
            {complaint}{' '}
            <button type="button" class="small" onClick={onDismiss}>
              Dismiss
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
