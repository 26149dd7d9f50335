import { Component, type JSX } from 'preact';
import type { NumberedEntry } from './dashboard.js';
import { clockText } from './format.js';
import { journalText } from './journal-text.js';

interface JournalProps {
  /** Newest first. */
  readonly entries: readonly NumberedEntry[];
}

/** What happened lately, newest first. Drawn again only when something did. */
export class JournalList extends Component<JournalProps> {
  override shouldComponentUpdate({ entries }: JournalProps): boolean {
    return entries !== this.props.entries;
  }

  override render({ entries }: JournalProps): JSX.Element {
    if (entries.length === 0) return <p class="faint empty">Nothing has happened yet.</p>;
    return (
      // It scrolls by itself on wide screens, and what scrolls must be within reach of the keyboard.
      // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
      <ol class="card journal" tabIndex={0} aria-label="Journal entries, newest first">
        {entries.map(({ id, entry }) => {
          const { tone, subject, what, more } = journalText(entry);
          return (
            <li key={id} class={tone}>
              <time dateTime={new Date(entry.at).toISOString()}>{clockText(entry.at)}</time>
              <p>
                <b>{what}</b> {subject} <small>{more}</small>
              </p>
            </li>
          );
        })}
      </ol>
    );
  }
}
