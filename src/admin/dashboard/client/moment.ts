import { parseDuration } from '../../../config/units.js';

const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/;
const ISO_8601 = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;

/**
 * A moment as people write it: `10m` for so long ago, `11:47:00` for when their clock last showed that, as the
 * journal beside it does, or an ISO 8601 time. Milliseconds since the epoch; undefined when it is none of these.
 */
export function readMoment(text: string, now: number): number | undefined {
  const ago = parseDuration(text.replace(/ ago$/, ''));
  if (ago !== undefined) return now - ago;
  const clock = CLOCK.exec(text);
  if (clock !== null) return lastTimeAt(clock, now);
  const moment = ISO_8601.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

function lastTimeAt([, hour = '', minute = '', second = '0', part = '']: readonly string[], now: number) {
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const date = new Date(now);
  date.setHours(Number(hour), Number(minute), Number(second), Number(part.padEnd(3, '0')));
  // Shortly after midnight, 23:59 is of the day before.
  if (date.getTime() > now) date.setDate(date.getDate() - 1);
  return date.getTime();
}
