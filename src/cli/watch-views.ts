import type { Clock } from '../core/clock.js';
import { cut } from './display-width.js';
import { type EndpointChange, formatChange } from './endpoint-changes.js';
import { type EndpointRow, formatTable } from './endpoint-rows.js';
import { type Paint, plain, type Style } from './paint.js';
import { sizeOf } from './table.js';

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
const CHANGE_STYLES: Readonly<Record<EndpointChange['change'], Style | undefined>> = {
  listed: undefined,
  joined: 'green',
  left: 'red',
  changed: 'yellow',
};
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** A table that is drawn again in place, with the latest changes below, for people. */
export function liveTable(screen: Screen, clock: Clock, name: string, paint: Paint = plain): WatchView {
  let rows: readonly EndpointRow[] = [];
  let recent: readonly EndpointChange[] = [];
  let status = 'live';
  const draw = (): void => {
    const { columns, rows: height } = sizeOf(screen);
    const lines = formatTable(rows, clock.now(), { width: columns, paint });
    const room = Math.max(1, height - recent.length - 5);
    const more = lines.length > room ? [`… and ${lines.length - room} more`] : [];
    const changes = recent.map((one) => paint(cut(formatChange(one), columns), CHANGE_STYLES[one.change]));
    const title = paint(cut(`${name}: ${status}`, columns), status === 'live' ? 'bold' : 'red');
    const all = [title, '', ...lines.slice(0, room), ...more, '', ...changes];
    const text = all.map((line) => line + CLEAR_LINE).join('\n');
    screen.write(`${HOME}${text}\n${CLEAR_BELOW}`);
  };
  const remember = (changes: readonly EndpointChange[]): void => {
    recent = [...recent, ...changes].slice(-RECENT_CHANGES);
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
