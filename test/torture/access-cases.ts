import { setTimeout as sleep } from 'node:timers/promises';
import type { TortureCase } from './case.js';
import { type Credentials, PREFIX } from './registry.js';
import type { Stage } from './stage.js';

const RECOVERED_MS = 5_000;
const WRITER: Credentials = { username: 'root', password: 'root-secret' };
const READER: Credentials = { username: 'reader', password: 'reader-secret' };
const AS_ROOT = `--user=${WRITER.username}:${WRITER.password}`;
/** The lowest there is: the case is not about passwords being slow. */
const CHEAP_PASSWORDS = '--bcrypt-cost=4';

async function enable({ registry }: Stage): Promise<void> {
  for (const args of [
    ['user', 'add', `${WRITER.username}:${WRITER.password}`],
    ['user', 'grant-role', 'root', 'root'],
    ['user', 'add', `${READER.username}:${READER.password}`],
    ['role', 'add', 'services'],
    ['role', 'grant-permission', 'services', 'read', `${PREFIX}/`, '--prefix'],
    ['user', 'grant-role', READER.username, 'services'],
    ['auth', 'enable'],
  ]) {
    await registry.cluster.ctl(args);
  }
}

const access = { reader: READER, writer: WRITER, enable };

async function setPassword({ registry }: Stage, password: string): Promise<void> {
  await registry.cluster.ctl([AS_ROOT, 'user', 'passwd', READER.username, '--interactive=false'], undefined, {
    input: `${password}\n`,
  });
}

/** What happens to whoever has to say a name and a password. */
export const accessCases: readonly TortureCase[] = [
  {
    name: 'token-expired',
    what: 'tokens expire within a second, and then the stream breaks',
    registries: ['etcd'],
    args: [CHEAP_PASSWORDS, '--auth-token-ttl=1'],
    access,
    async run(stage) {
      for (let round = 0; round < 3; round++) {
        // etcd looks for expired tokens once a second.
        await sleep(2_500);
        stage.linkInUse.cut();
        const backAt = performance.now();
        await stage.ledger.register(5);
        await stage.viewRight(`break ${round + 1}`, RECOVERED_MS, backAt);
        stage.reconnect();
      }
    },
  },
  {
    name: 'password-changed',
    what: 'the password is changed, and after 8 s changed back',
    registries: ['etcd'],
    args: [CHEAP_PASSWORDS],
    access,
    async run(stage) {
      await setPassword(stage, 'another');
      await stage.until('refused', () => stage.source.view().lastError?.includes('invalid') ?? false);
      await stage.ledger.register(10);
      await sleep(8_000);
      const backAt = performance.now();
      await setPassword(stage, READER.password);
      await stage.viewRight('after it was changed back', RECOVERED_MS, backAt);
      await stage.ledger.register(5);
      await stage.viewRight('and on', RECOVERED_MS);
    },
  },
];
