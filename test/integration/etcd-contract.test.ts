import { describe } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { startEmbeddedRegistry } from '../../src/embedded/server.js';
import { describeEtcdApi } from '../contract/etcd-api.js';
import { etcdVersions, startEtcd } from '../support/etcd-server.js';

// At once: most of their time is spent waiting for leases to expire.
describe('one contract', { concurrency: true }, () => {
  describeEtcdApi('the embedded registry', async () => {
    const registry = await startEmbeddedRegistry({
      listen: { host: '127.0.0.1', port: 0 },
      clock: systemClock,
      shortestLeaseSeconds: 1,
      progressIntervalMs: 200,
    });
    return {
      endpoint: registry.endpoint,
      hasAuthStatus: true,
      progressWaits: true,
      stop: () => registry.close(),
    };
  });

  for (const version of etcdVersions) {
    describeEtcdApi(`etcd ${version}`, async () => {
      const etcd = await startEtcd(version, {
        args: ['--experimental-watch-progress-notify-interval=200ms'],
      });
      return {
        endpoint: etcd.endpoint,
        hasAuthStatus: version !== '3.4',
        progressWaits: version !== '3.4',
        stop: () => etcd.stop(),
      };
    });
  }
});
