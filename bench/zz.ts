import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { createEtcdSource } from '../src/discovery/etcd/source.js';
import { startEtcdCluster } from '../test/support/etcd-cluster.js';
const ROOT = { username: 'root', password: 'secret' };
const cluster = await startEtcdCluster({ args: ['--bcrypt-cost=10'] });
await cluster.ctl(['user', 'add', 'root:secret']); await cluster.ctl(['user', 'grant-role', 'root', 'root']); await cluster.ctl(['auth', 'enable']);
const evs: Record<string, number> = {};
const fleet = Array.from({ length: 100 }, () => createEtcdSource({ name: 'main', endpoints: cluster.endpoints, prefix: '/fleet', schema: 'plain', ...ROOT, clock: systemClock, random: systemRandom, announce: (k, e) => { const s = k === 'source' ? `${(e as any).kind}: ${(e as any).detail}`.replace(/:\d{5}/g,'') : k; evs[s] = (evs[s] ?? 0) + 1; } }));
for (const s of fleet) s.start();
const dump = async () => {
  for (const m of cluster.members) {
    const t = await (await fetch(m.endpoint + '/metrics')).text().catch(() => '');
    for (const l of t.split('\n')) if (/grpc_server_handled_total.*(Authenticate|"Range")/.test(l) && !l.endsWith(' 0')) console.log(m.name, l.replace(/grpc_server_handled_total/, ''));
  }
};
for (let i = 0; i < 6; i++) { await sleep(5000); console.log('connected', fleet.filter((s) => s.view().connected).length, JSON.stringify(evs)); await dump(); }
await Promise.all(fleet.map((s) => s.close())); await cluster.stop();
