// Two greeters, of version v1 and v2, in one process.
import { startGreeter } from './greeter.js';

const registry = `consul://${process.env['CONSUL_ADDRESS'] ?? '127.0.0.1:8500'}`;
const greeters = await Promise.all(['v1', 'v2'].map((version) => startGreeter(registry, version)));
process.stdout.write('two greeters are registered\n');

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void Promise.all(greeters.map((greeter) => greeter.close())));
}
