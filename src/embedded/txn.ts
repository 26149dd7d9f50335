import { holds } from './compare.js';
import type { RequestOp, ResponseOp, TxnRequest, TxnResponse } from './messages.js';
import { checkRevision, executeRange } from './range.js';
import type { Store } from './store.js';
import { checkPutAgainst, executeDelete, executePut, type Registry } from './write.js';

/** A transaction whose conditions have been decided, nested ones too. */
interface Plan {
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

type Step = Exclude<RequestOp, { request: 'requestTxn' }> | { readonly request: 'plan'; readonly plan: Plan };

/**
 * Does a checked Txn. All conditions, nested ones too, are judged on the state before any change;
 * then everything that could be refused is, so that a transaction happens whole or not at all.
 */
export function executeTxn(registry: Registry, request: TxnRequest): TxnResponse {
  const plan = decide(registry.store, request);
  checkPlan(registry, plan);
  return registry.store.transact(() => run(registry.store, plan));
}

function decide(store: Store, request: TxnRequest): Plan {
  const succeeded = request.compare.every((condition) => holds(store, condition));
  const ops = succeeded ? request.success : request.failure;
  const steps = ops.map(
    (op): Step =>
      op.request === 'requestTxn' ? { request: 'plan', plan: decide(store, op.requestTxn) } : op,
  );
  return { succeeded, steps };
}

function checkPlan(registry: Registry, { steps }: Plan): void {
  for (const step of steps) {
    if (step.request === 'requestRange') checkRevision(registry.store, step.requestRange);
    else if (step.request === 'requestPut') checkPutAgainst(registry, step.requestPut);
    else if (step.request === 'plan') checkPlan(registry, step.plan);
  }
}

function run(store: Store, { succeeded, steps }: Plan): TxnResponse {
  const responses = steps.flatMap((step) => runStep(store, step) ?? []);
  return { header: { revision: store.visibleRevision }, succeeded, responses };
}

function runStep(store: Store, step: Step): ResponseOp | undefined {
  switch (step.request) {
    case 'requestRange':
      return { responseRange: executeRange(store, step.requestRange) };
    case 'requestPut':
      return { responsePut: executePut(store, step.requestPut) };
    case 'requestDeleteRange':
      return { responseDeleteRange: executeDelete(store, step.requestDeleteRange) };
    case 'plan':
      return { responseTxn: run(store, step.plan) };
    default:
      return undefined;
  }
}
