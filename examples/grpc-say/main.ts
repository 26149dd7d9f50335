import { tellStory } from './story.js';

const registry = process.env['WATCHGATE_REGISTRY'] ?? 'etcd://127.0.0.1:2379/service_registry_discovery';
const { calls, failures, again } = await tellStory(registry, (line) => process.stdout.write(`${line}\n`));
process.stdout.write(`${calls} calls, ${again} made again, ${failures.length} failed\n`);
for (const failure of failures.slice(0, 5)) process.stdout.write(`  ${failure}\n`);
