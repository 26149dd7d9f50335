import type { BalanceMethod } from '../core/route.js';
import { leastLoadedPicker } from './least-loaded.js';
import type { PickerFactory } from './picker.js';
import { randomPicker } from './random.js';
import { roundRobinPicker } from './round-robin.js';

/** The picker behind each value of `balance:`. */
export const pickers = {
  random: randomPicker,
  'round-robin': roundRobinPicker,
  'least-loaded': leastLoadedPicker,
} as const satisfies Record<BalanceMethod, PickerFactory>;
