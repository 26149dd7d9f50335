import { refusal } from './etcd-error.js';
import { keyRange } from './key-range.js';
import type { KeyValue, RangeRequest, RangeResponse } from './messages.js';
import type { Store } from './store.js';

type Order = (left: KeyValue, right: KeyValue) => number;

const ORDERS: Readonly<Record<string, Order>> = {
  Key: (left, right) => Buffer.compare(left.key, right.key),
  Version: (left, right) => left.version - right.version,
  Create: (left, right) => left.createRevision - right.createRevision,
  Mod: (left, right) => left.modRevision - right.modRevision,
  Value: (left, right) => Buffer.compare(left.value, right.value),
};

const SORT_ORDERS: readonly (string | number)[] = ['None', 'Ascend', 'Descend'];
const NO_BYTES = Buffer.alloc(0);

/**
 * Refuses what is wrong with the request by itself, whatever the store holds. A sort that does not
 * exist is refused as from etcd 3.6 on; 3.5 ignores such an order and dies of such a target.
 */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw refusal('EMPTY_KEY');
  if (!SORT_ORDERS.includes(request.sortOrder) || !(request.sortTarget in ORDERS))
    throw refusal('INVALID_SORT');
}

/** Refuses a read at a revision that cannot be read. */
export function checkRevision(store: Store, request: RangeRequest): void {
  const revision = Number(request.revision);
  if (revision <= 0) return;
  if (revision > store.revision) throw refusal('FUTURE_REVISION');
  if (revision < store.compacted) throw refusal('COMPACTED');
}

/** Answers a checked Range. `count` is of all keys in the range, whatever the limit and the filters. */
export function executeRange(store: Store, request: RangeRequest): RangeResponse {
  const revision = Number(request.revision);
  const range = keyRange(request.key, request.rangeEnd);
  const all = store.read(range, revision > 0 ? revision : undefined);
  const header = { revision: store.visibleRevision };
  if (request.countOnly) return { header, kvs: [], more: false, count: all.length };
  const limit = Number(request.limit) > 0 ? Number(request.limit) : Number.POSITIVE_INFINITY;
  const chosen = sorted(filtered(all, request, limit), request);
  const kvs = chosen.slice(0, limit);
  return {
    header,
    kvs: request.keysOnly ? kvs.map((pair) => ({ ...pair, value: NO_BYTES })) : kvs,
    more: chosen.length > limit,
    count: all.length,
  };
}

/** Without an order or a filter, etcd takes the first keys up to the limit, and one to know if there are more. */
function filtered(pairs: readonly KeyValue[], request: RangeRequest, limit: number): KeyValue[] {
  const bounds = [
    request.minModRevision,
    request.maxModRevision,
    request.minCreateRevision,
    request.maxCreateRevision,
  ].map(Number);
  if (bounds.every((bound) => bound === 0)) {
    return pairs.slice(0, request.sortOrder === 'None' ? limit + 1 : undefined);
  }
  const [minMod = 0, maxMod = 0, minCreate = 0, maxCreate = 0] = bounds;
  return pairs.filter(
    ({ modRevision, createRevision }) =>
      modRevision >= minMod &&
      (maxMod === 0 || modRevision <= maxMod) &&
      createRevision >= minCreate &&
      (maxCreate === 0 || createRevision <= maxCreate),
  );
}

/** Naming a target without an order means ascending. */
function sorted(pairs: KeyValue[], request: RangeRequest): KeyValue[] {
  const order = ORDERS[request.sortTarget];
  const inKeyOrder = request.sortTarget === 'Key' && request.sortOrder !== 'Descend';
  if (order === undefined || inKeyOrder) return pairs;
  return pairs.sort(request.sortOrder === 'Descend' ? (left, right) => order(right, left) : order);
}
