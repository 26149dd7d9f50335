import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerCommand } from '../../src/cli/register.js';

/** What the command says to flags that it refuses; runs nothing. */
async function refusal(...flags: string[]): Promise<string> {
  const command = registerCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parseAsync(['--service', 'goods', '--port', '80', ...flags], { from: 'user' }).then(
    () => assert.fail('it was accepted'),
    (error: Error) => error.message,
  );
}

for (const [flag, value, wanted] of [
  ['--port', '99999', 'Wanted a port from 1 to 65535.'],
  ['--service', 'a/b', 'Wanted 1 to 128 letters, digits or . _ ~ -.'],
  ['--ttl', '0', 'Wanted whole seconds from 1 to 86400'],
  ['--ttl', '90000', 'wanted whole seconds from 1 to 86400'],
  ['--health', 'healthz', 'Wanted a path such as /healthz, tcp or none.'],
  ['--host-key', 'a/b', 'Wanted 1 to 253 characters without space or /.'],
  ['--drain-wait', '5', 'Wanted a duration such as 300ms, 5s or 1m.'],
  ['--address', '10.0.0.5:80', 'Wanted an IP address or a host name, without port.'],
  ['--weight', '0', 'Wanted a number above 0.'],
  ['--metadata', 'version', 'Wanted key=value.'],
  ['--registry', 'http://127.0.0.1:2379', 'wanted etcd://host:port'],
  ['--registry', 'consul://127.0.0.1:8500/prefix', 'wanted consul://[token@]host:port'],
  ['--tag', 'a b', 'Wanted 1 to 128 letters, digits or . _ ~ : = -.'],
  ['--tag', 'v2', 'only Consul has tags'],
  ['--also', 'orders', 'Wanted service:port or service:port/path.'],
  ['--also', 'goods:81', 'each service can be named once'],
] as const) {
  test(`register refuses ${flag} ${value} in one line that names the flag`, async () => {
    const line = await refusal(flag, value);
    assert.ok(line.includes(flag) && line.includes(wanted) && !line.includes('\n'), line);
  });
}

test('register does not repeat the password of a registry URL that it refuses', async () => {
  assert.doesNotMatch(await refusal('--registry', 'consul://user:secret@127.0.0.1:8500'), /secret/);
});
