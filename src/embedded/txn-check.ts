import { refusal } from './etcd-error.js';
import { contains, type KeyRange, keyRange, keyText } from './key-range.js';
import type { RequestOp, TxnRequest } from './messages.js';
import { checkRange } from './range.js';
import { checkDelete, checkPut, MAX_REQUEST_BYTES } from './write.js';

/** etcd's default `--max-txn-ops`. */
const MAX_OPS = 128;

/** Refuses what is wrong with a transaction by itself: its size, its parts, and one key changed twice. */
export function checkTxn(request: TxnRequest): void {
  checkParts(request, MAX_OPS);
  if (storedBytes(request) > MAX_REQUEST_BYTES) throw refusal('TOO_LARGE');
  written(request.success);
  written(request.failure);
}

function checkParts({ compare, success, failure }: TxnRequest, allowed: number): void {
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > allowed) throw refusal('TOO_MANY_OPS');
  if (compare.some(({ key }) => key.length === 0)) throw refusal('EMPTY_KEY');
  for (const op of [...success, ...failure]) checkOp(op, allowed - count);
}

function checkOp(op: RequestOp, allowed: number): void {
  switch (op.request) {
    case 'requestRange':
      return checkRange(op.requestRange);
    case 'requestPut':
      return checkPut(op.requestPut);
    case 'requestDeleteRange':
      return checkDelete(op.requestDeleteRange);
    case 'requestTxn':
      return checkParts(op.requestTxn, allowed);
    default:
      throw refusal('KEY_NOT_FOUND');
  }
}

/** Of all puts, in whichever branch. */
function storedBytes({ success, failure }: TxnRequest): number {
  return [...success, ...failure].reduce((sum, op) => {
    if (op.request === 'requestTxn') return sum + storedBytes(op.requestTxn);
    return op.request === 'requestPut' ? sum + op.requestPut.key.length + op.requestPut.value.length : sum;
  }, 0);
}

interface Written {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/**
 * What a branch writes, nested transactions included. A key may be put once, and not both put and
 * deleted, on any path through the branch: all changes of a transaction have one revision.
 */
function written(ops: readonly RequestOp[]): Written {
  const deletes = ops.flatMap((op) =>
    op.request === 'requestDeleteRange'
      ? [keyRange(op.requestDeleteRange.key, op.requestDeleteRange.rangeEnd)]
      : [],
  );
  const all: Written = { puts: new Set(), deletes };
  for (const op of ops) {
    if (op.request === 'requestTxn') addNested(all, op.requestTxn);
  }
  for (const op of ops) {
    if (op.request === 'requestPut') addPut(all, keyText(op.requestPut.key));
  }
  return all;
}

/** The two branches exclude each other, so both may put the same key. */
function addNested(all: Written, nested: TxnRequest): void {
  const success = written(nested.success);
  const failure = written(nested.failure);
  for (const key of new Set([...success.puts, ...failure.puts])) addPut(all, key);
  all.deletes.push(...success.deletes, ...failure.deletes);
}

function addPut({ puts, deletes }: Written, key: string): void {
  if (puts.has(key) || deletes.some((range) => contains(range, key))) throw refusal('DUPLICATE_KEY');
  puts.add(key);
}
