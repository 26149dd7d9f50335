import type { Clock } from '../core/clock.js';
import { type EndpointChange, formatChange } from './endpoint-changes.js';
import { type EndpointRow, formatTable } from './endpoint-rows.js';

/** How what is followed is shown. */
export interface WatchView {
  /** The endpoints now, after `changes` that no event told of. */
  show(rows: readonly EndpointRow[], changes: readonly EndpointChange[]): void;
  change(change: EndpointChange): void;
  /** The connection broke; it is being made again. */
  lost(reason: string): void;
}

interface TextOutput {
  write(text: string): unknown;
}

/** One line per change, for pipes and logs; as JSON when wanted. */
export function changeLines(out: TextOutput, notices: TextOutput, json: boolean): WatchView {
  const write = (change: EndpointChange): void => {
    out.write(`${json ? JSON.stringify(change) : formatChange(change)}\n`);
  };
  let told = false;
  return {
    show(_rows, changes) {
      told = false;
      for (const change of changes) write(change);
    },
    change: write,
    lost(reason) {
      if (!told) notices.write(`watchgate: connection lost, reconnecting: ${reason}\n`);
      told = true;
    },
  };
}

export interface Screen extends TextOutput {
  readonly columns: number;
  readonly rows: number;
}

const RECENT_CHANGES = 5;
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** A table that is drawn again in place, with the latest changes below, for people. */
export function liveTable(screen: Screen, clock: Clock, title: string): WatchView {
  let rows: readonly EndpointRow[] = [];
  let recent: readonly string[] = [];
  let status = 'live';
  const draw = (): void => {
    const lines = formatTable(rows, clock.now());
    const room = Math.max(1, screen.rows - recent.length - 5);
    const cut = lines.length > room ? [`… and ${lines.length - room} more`] : [];
    const all = [`${title}: ${status}`, '', ...lines.slice(0, room), ...cut, '', ...recent];
    const text = all.map((line) => line.slice(0, screen.columns) + CLEAR_LINE).join('\n');
    screen.write(`${HOME}${text}\n${CLEAR_BELOW}`);
  };
  const remember = (changes: readonly EndpointChange[]): void => {
    recent = [...recent, ...changes.map(formatChange)].slice(-RECENT_CHANGES);
  };
  return {
    show(now, changes) {
      rows = now;
      status = 'live';
      remember(changes.filter(({ change }) => change !== 'listed'));
      draw();
    },
    change(change) {
      remember([change]);
      draw();
    },
    lost(reason) {
      status = `CONNECTION LOST, reconnecting; shown is the last state (${reason})`;
      draw();
    },
  };
}
