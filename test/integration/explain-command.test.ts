import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatExplanation } from '../../src/cli/explanation-text.js';
import { runCommand } from '../support/command.js';
import { explained } from '../support/explained.js';
import { behindGateway } from '../support/gateway-under-test.js';
import { ok } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

const routes = `
routes:
  - { prefix: /goods, service: goods, maxBody: 4MiB }
  - { prefix: /, service: none }
`;

describe('watchgate explain', () => {
  test('tells a person where a request would go', async (t) => {
    const { gateway, upstream } = await behindGateway(t, answering(ok()), routes);
    const admin = `http://127.0.0.1:${gateway.adminPort}`;
    const { code, out, err } = await runCommand(
      'explain',
      'get',
      '/goods/list?page=2',
      '-H',
      'Host: a',
      '--admin',
      admin,
    );
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines[0], 'GET /goods/list?page=2');
    assert.match(out, /^ {2}\/goods {2}YES {2}the most specific that fits$/m);
    assert.match(out, /^ {2}\/ {7}no {3}fits, but \/goods is more specific$/m);
    assert.match(out, new RegExp(`^ {2}${upstream.address} +up +0 +100.0% +new$`, 'm'));
    assert.match(out, /^ {2}total +\d+s$/m);
    assert.match(out, /^SIZES\n {2}body {4}4MiB\n {2}replay {2}64KiB$/m);
    assert.equal(lines.at(-1), `=> goes to ${upstream.address}`);
    assert.equal(upstream.requests.length, 0);
  });

  test('prints with --json what the admin port answers', async (t) => {
    const { gateway } = await behindGateway(t, answering(ok()), routes);
    const admin = `http://127.0.0.1:${gateway.adminPort}`;
    const { out } = await runCommand(
      'explain',
      'PUT',
      '/x',
      '--json',
      '--client',
      '10.0.0.9',
      '--admin',
      admin,
    );
    const asked = { method: 'PUT', url: '/x', client: '10.0.0.9' };
    assert.deepEqual(JSON.parse(out), await explained(gateway, asked));
  });

  test('says which part of a question cannot be understood', async (t) => {
    const { gateway } = await behindGateway(t);
    const admin = `http://127.0.0.1:${gateway.adminPort}`;
    const { code, err } = await runCommand('explain', 'GET', '/', '-H', 'nocolon', '--admin', admin);
    assert.equal(code, 1);
    assert.match(err, /answered 400: The query parameter "header" is not "name: value"\.$/m);
  });

  test('ends with the answer that the gateway would give itself', async (t) => {
    const { gateway } = await behindGateway(t, answering(ok()), routes);
    const lines = formatExplanation(await explained(gateway, { url: '/elsewhere' }));
    assert.equal(lines.at(-1), '=> 503 NO_ENDPOINT: the registry lists no endpoint of the service');
  });

  test('does not let a header drive the terminal', async (t) => {
    const { gateway } = await behindGateway(t);
    const answer = await explained(gateway, { url: '/', headers: ['X-Odd: \x9b2J'] });
    assert.ok(formatExplanation(answer).every((line) => !/\p{Cc}/u.test(line)));
  });
});
