import { accessCases } from './access-cases.js';
import type { TortureCase } from './case.js';
import { endurance } from './endurance.js';
import { memberCases } from './member-cases.js';
import { streamCases } from './stream-cases.js';

/** Every case, in the order in which they are explained in docs/torture.md. */
export const suite: readonly TortureCase[] = [...memberCases, ...streamCases, ...accessCases, endurance];
