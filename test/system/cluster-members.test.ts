import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { etcdVersions } from '../support/etcd-server.js';
import { runCase } from '../torture/case.js';
import { outage } from '../torture/member-cases.js';
import { suite } from '../torture/suite.js';

/** The quickest of `npm run torture`; the others take minutes. */
const QUICK = ['follower-hung', 'leader-killed', 'snapshot-restored'];
const SHORT_OUTAGE_MS = 2_000;

describe('through three etcd members, nothing is lost, late or failed when', {
  skip: !etcdVersions.includes('3.5'),
}, () => {
  const quick = suite.filter(({ name }) => QUICK.includes(name));
  for (const torture of [...quick, outage(SHORT_OUTAGE_MS)]) {
    test(torture.what, async () => {
      const { problems } = await runCase(torture, 'etcd');
      assert.deepEqual(problems, []);
    });
  }
});
