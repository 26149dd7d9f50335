import { cut } from './display-width.js';
import type { Paint } from './paint.js';
import { sizeOf } from './table.js';
import type { TopService } from './top-rates.js';
import { formatTop, SORT_KEYS, type SortOrder, sortServices } from './top-table.js';

/** A terminal that is drawn on again and again. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
}

const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
/** A screen of its own, without a cursor, so that what was there before is there again afterwards. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const KEYS = 'q quits, sort by: n name, r requests, e errors, p p99';

export interface TopScreenSettings {
  readonly screen: Screen;
  readonly paint: Paint;
  /** What is watched, for the first line. */
  readonly title: string;
  readonly order: SortOrder;
}

/** The live table of `watchgate top`. */
export class TopScreen {
  readonly #settings: TopScreenSettings;
  #order: SortOrder;
  #services: readonly TopService[] = [];
  #status = 'measuring';

  constructor(settings: TopScreenSettings) {
    this.#settings = settings;
    this.#order = settings.order;
  }

  enter(): void {
    this.#settings.screen.write(ENTER);
    this.draw();
  }

  leave(): void {
    this.#settings.screen.write(LEAVE);
  }

  show(services: readonly TopService[]): void {
    this.#services = services;
    this.#status = 'live';
    this.draw();
  }

  /** The gateway does not answer; what was seen last stays. */
  lost(reason: string): void {
    this.#status = `CONNECTION LOST, trying again; shown is the last state (${reason})`;
    this.draw();
  }

  /** Takes a key that sorts; others are ignored. */
  press(key: string): void {
    const order = Object.entries(SORT_KEYS).find(([name]) => name === key)?.[1];
    if (order === undefined) return;
    this.#order = order;
    this.draw();
  }

  draw(): void {
    const { screen, paint, title } = this.#settings;
    const { columns, rows } = sizeOf(screen);
    const paper = { width: columns, paint };
    const table = formatTop(sortServices(this.#services, this.#order), paper);
    const room = Math.max(1, rows - 4);
    const more = table.length > room ? [`… and ${table.length - room + 1} more`] : [];
    const lines = [
      paint(cut(`${title}: ${this.#status}, by ${this.#order}`, columns), 'bold'),
      '',
      ...table.slice(0, room - more.length),
      ...more,
      '',
      paint(cut(KEYS, columns), 'dim'),
    ];
    // Without a line end after the last line: at the bottom of the screen it would scroll.
    screen.write(`${HOME}${lines.map((line) => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`);
  }
}
