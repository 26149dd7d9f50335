import { type Clock, systemClock } from '../core/clock.js';

/** Where a notice is shown, and taken away again. */
export interface NoticeScreen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A line on stderr while a notice may stand there: it begins on a line of its own. */
export function tellBeside(line: string, screen: NoticeScreen = process.stderr): void {
  screen.write(`${screen.isTTY === true ? CLEAR : ''}${line}\n`);
}

/** Below this nobody wonders whether anything happens. */
const PATIENCE_MS = 1_000;
const CLEAR = '\r\x1b[K';

/**
 * The result of `work`; when it takes longer than a second, a terminal on stderr says what is waited
 * for, until then. Logs and pipes get nothing.
 */
export async function withNotice<T>(
  notice: string,
  work: Promise<T>,
  screen: NoticeScreen = process.stderr,
  clock: Clock = systemClock,
): Promise<T> {
  if (screen.isTTY !== true) return work;
  let shown = false;
  const timer = clock.after(PATIENCE_MS, () => {
    shown = true;
    screen.write(`watchgate: ${notice} …`);
  });
  try {
    return await work;
  } finally {
    timer.cancel();
    if (shown) screen.write(CLEAR);
  }
}
