import { keyRange } from './key-range.js';
import type { Compare, KeyValue } from './messages.js';
import type { Store } from './store.js';

type Subject = Pick<KeyValue, 'version' | 'createRevision' | 'modRevision' | 'lease'>;

/** What a key that does not exist compares as; it has no value to compare. */
const ABSENT: Subject = { version: 0, createRevision: 0, modRevision: 0, lease: '0' };

/** Whether a transaction's condition holds for every key of its range. */
export function holds(store: Store, condition: Compare): boolean {
  const pairs = store.read(keyRange(condition.key, condition.rangeEnd));
  if (condition.target === 'Value') {
    const wanted = condition.value ?? Buffer.alloc(0);
    return pairs.length > 0 && pairs.every(({ value }) => accepts(condition, Buffer.compare(value, wanted)));
  }
  const subjects: readonly Subject[] = pairs.length > 0 ? pairs : [ABSENT];
  return subjects.every((subject) => accepts(condition, difference(condition, subject)));
}

/** Negative, 0 or positive. A target that the request gives no number for is compared with 0. */
function difference(condition: Compare, subject: Subject): number {
  switch (condition.target) {
    case 'Version':
      return subject.version - Number(condition.version ?? 0);
    case 'Create':
      return subject.createRevision - Number(condition.createRevision ?? 0);
    case 'Mod':
      return subject.modRevision - Number(condition.modRevision ?? 0);
    case 'Lease': {
      const [left, right] = [BigInt(subject.lease), BigInt(condition.lease ?? 0)];
      return left < right ? -1 : left > right ? 1 : 0;
    }
    default:
      return 0;
  }
}

function accepts(condition: Compare, order: number): boolean {
  switch (condition.result) {
    case 'Equal':
      return order === 0;
    case 'NotEqual':
      return order !== 0;
    case 'Greater':
      return order > 0;
    case 'Less':
      return order < 0;
    default:
      return true;
  }
}
