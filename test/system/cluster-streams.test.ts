import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { etcdVersions } from '../support/etcd-server.js';
import { runCase } from '../torture/case.js';
import { suite } from '../torture/suite.js';

/** The quickest of `npm run torture`; the others take minutes. */
const QUICK = ['half-open', 'cut-before-backlog', 'compacted'];

for (const kind of ['etcd', 'embedded'] as const) {
  const here = kind === 'embedded' || etcdVersions.includes('3.5');
  describe(`on a registry of kind ${kind}, nothing is lost, late or failed when`, { skip: !here }, () => {
    for (const torture of suite.filter(({ name }) => QUICK.includes(name))) {
      test(torture.what, async () => {
        const { problems } = await runCase(torture, kind);
        assert.deepEqual(problems, []);
      });
    }
  });
}
