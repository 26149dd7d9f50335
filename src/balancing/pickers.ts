import type { BalanceMethod } from '../core/route.js';
import { consistentHashPicker } from './consistent-hash.js';
import { leastLoadedPicker } from './least-loaded.js';
import { peakEwmaPicker } from './peak-ewma.js';
import type { PickerFactory } from './picker.js';
import { randomPicker } from './random.js';
import { roundRobinPicker } from './round-robin.js';

/** The picker behind each value of `balance:`. */
export const pickers = {
  random: randomPicker,
  'round-robin': roundRobinPicker,
  'least-loaded': leastLoadedPicker,
  'peak-ewma': peakEwmaPicker,
  'consistent-hash': consistentHashPicker,
} as const satisfies Record<BalanceMethod, PickerFactory>;
