// One server as a process: `npx tsx examples/grpc-say/serve.ts say-1`
import { startSayServer } from './server.js';

const name = process.argv[2] ?? 'say-1';
const registry = process.env['WATCHGATE_REGISTRY'] ?? 'etcd://127.0.0.1:2379/service_registry_discovery';
const server = await startSayServer(name, registry);
process.stdout.write(`${name} is registered\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close());
