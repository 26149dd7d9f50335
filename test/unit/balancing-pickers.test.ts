import { pickers } from '../../src/balancing/pickers.js';
import { describePicker } from '../contract/picker.js';

for (const name of ['random', 'round-robin', 'least-loaded'] as const) describePicker(name, pickers[name]);
