// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the texts under test.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfigFile, parseConfig } from '../../src/config/load.js';
import { formatProblem } from '../../src/files/file-problem.js';

/** Each problem as `line:column: message`. */
function problemsOf(text: string, environment: Record<string, string> = {}): string[] {
  const result = parseConfig(text, 'f', environment);
  return 'errors' in result ? result.errors.map((problem) => formatProblem(problem).replace(/^f:/, '')) : [];
}

/** A route on lines of its own, whose prefix stands at 2:13 and whose further line is line 4. */
function route(prefix: string, ...lines: readonly string[]): string {
  return [
    'routes:',
    `  - prefix: ${prefix}`,
    '    service: goods',
    ...lines.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

const bad: readonly (readonly [rule: string, text: string, ...problems: string[]])[] = [
  [
    'not YAML',
    'routes: [\n',
    '2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'a tab as indentation',
    'server:\n\theadersTimeout: 1s\n',
    '2:1: a tab indents this line; YAML wants spaces',
  ],
  [
    'a second document',
    'routes: []\n---\nroutes: []\n',
    '2:1: a second document ("---") starts here; wanted one document in the file',
  ],
  ['a list for a file', '- routes\n', '1:1: wanted a map of settings, got a list'],
  ['a word for a file', 'routes\n', '1:1: wanted a map of settings, got "routes"'],
  ['a key that is no text', '? [a]\n: b\n', '1:3: a key must be plain text'],
  ['an alias of nothing', 'listen: *here\n', '1:9: nothing before this is named &here'],
  ['an unknown tag', 'listen: !env PORT\n', '1:9: not valid YAML: Unresolved tag: !env'],
  [
    'a key given twice, beside another mistake',
    'autoRoutes: true\nautoRoutes: maybe\n',
    '2:1: this key is given twice in the same map',
    '2:13: autoRoutes: wanted true or false, got "maybe"',
  ],
  ['an unknown key near a known one', 'rotes: []\n', '1:1: unknown key "rotes"; did you mean "routes"?'],
  [
    'a known key in other letters',
    'Listen: 0.0.0.0:1\n',
    '1:1: unknown key "Listen"; did you mean "listen"?',
  ],
  [
    'an unknown key near none',
    'server:\n  wings: 2\n',
    '2:3: server: unknown key "wings"; known here: headersTimeout, receiveTimeout, keepAliveTimeout, maxHeaderSize, maxEventLoopLag, maxConnections, maxConcurrentStreams',
  ],
  [
    'two unknown keys of one map, each at its place',
    route('/a', 'tryTimout: 1s', 'servce: x'),
    '4:5: routes[0]: unknown key "tryTimout"; did you mean "tryTimeout"?',
    '5:5: routes[0]: unknown key "servce"; did you mean "service"?',
  ],
  [
    'what is missing, at the map that should hold it',
    'routes:\n  - host: a.example\n',
    '2:5: routes[0].prefix: missing; wanted a path prefix such as /goods',
    '2:5: routes[0].service: missing; wanted a service such as goods or goods@dc2',
  ],
  [
    'a key without the value it needs',
    'routes:\n  - service: a\n    prefix:\n',
    '3:5: routes[0].prefix: missing; wanted a path prefix such as /goods',
  ],
  ['a route that is no map', 'routes: [5]\n', '1:10: routes[0]: wanted a map of settings, got 5'],
  ['routes that are no list', 'routes: { prefix: /a }\n', '1:9: routes: wanted a list, got a map'],
  [
    'a number for an address',
    'listen: 8080\n',
    '1:9: listen: wanted host:port such as 0.0.0.0:8080, got 8080',
  ],
  ['an address without a port', 'admin: 127.0.0.1\n', '1:8: admin: "127.0.0.1" has no :port'],
  [
    'an impossible port',
    'admin: 127.0.0.1:70000\n',
    '1:8: admin: "127.0.0.1:70000" has no port from 1 to 65535 after the last colon',
  ],
  ['an empty token', 'adminToken: ""\n', '1:13: adminToken: must not be empty'],
  ['a number for a token', 'adminToken: 12345\n', '1:13: adminToken: wanted a token as text; quote it'],
  ['a word for a choice', 'accessLog: some\n', '1:12: accessLog: wanted one of all, errors, off, got "some"'],
  [
    'no address range',
    'trustedProxies: [10.0.0.0/8, 10.0.0.0/33]\n',
    '1:30: trustedProxies[1]: wanted an IP address or range such as 10.0.0.0/8, got "10.0.0.0/33"',
  ],
  [
    'a duration without a unit',
    route('/a', 'tryTimeout: 2'),
    '4:17: routes[0].tryTimeout: wanted a duration such as 300ms, 5s or 1m, got 2',
  ],
  ['no time at all', route('/a', 'tryTimeout: 0s'), '4:17: routes[0].tryTimeout: must be at least 1ms'],
  ['more than a day', route('/a', 'idleTimeout: 25h'), '4:18: routes[0].idleTimeout: must be at most 24h'],
  [
    'a decimal size',
    route('/a', 'maxBody: 10MB'),
    '4:14: routes[0].maxBody: wanted a size such as 64KiB or 10MiB, or none, got "10MB"',
  ],
  [
    'a size beyond the bound',
    route('/a', 'replayBuffer: 65MiB'),
    '4:19: routes[0].replayBuffer: must be at most 65536KiB',
  ],
  [
    'a number out of range',
    route('/a', 'maxAttempts: 0'),
    '4:18: routes[0].maxAttempts: wanted a whole number from 1 to 10, got 0',
  ],
  [
    'a fraction',
    route('/a', 'maxAttempts: 1.5'),
    '4:18: routes[0].maxAttempts: wanted a whole number from 1 to 10, got 1.5',
  ],
  [
    'a status that is never tried again',
    route('/a', 'retryOn: [502, 404]'),
    '4:20: routes[0].retryOn[1]: wanted a whole number from 500 to 599, got 404',
  ],
  [
    'a host header with a space',
    route('/a', 'hostHeader: a b'),
    '4:17: routes[0].hostHeader: wanted a host such as goods.internal or goods.internal:8080, or keep, got "a b"',
  ],
  [
    'a service option in a route',
    route('/a', 'balance: random'),
    '4:5: routes[0]: unknown key "balance"; known here: prefix, host, service, stripPrefix, rewritePrefix, maxBody, tryTimeout, totalTimeout, idleTimeout, tunnelIdleTimeout, maxAttempts, retryOn, replayBuffer, hostHeader, protocol',
  ],
  ['a host with a port', route('/a', 'host: a.example:80'), '4:11: routes[0].host: must not have a port'],
  [
    'a host that means any',
    route('/a', 'host: "*"'),
    '4:11: routes[0].host: leave host out to match any host',
  ],
  [
    'a wildcard in the middle',
    route('/a', 'host: a.*.example'),
    '4:11: routes[0].host: wanted a host name such as example.com or *.example.com, got "a.*.example"',
  ],
  [
    'a service with a slash',
    'routes: [{ prefix: /a, service: a/b }]\n',
    '1:33: routes[0].service: "a/b" is no service name; wanted letters, digits and ._~- as in goods or goods@dc2',
  ],
  ['a relative prefix', route('goods'), '2:13: routes[0].prefix: must start with "/"'],
  ['an empty segment', route('/a//b'), '2:13: routes[0].prefix: must not have an empty segment ("//")'],
  [
    'a trailing slash',
    route('/a/'),
    '2:13: routes[0].prefix: must not end in "/": /a matches everything below it',
  ],
  [
    'a wildcard in a prefix',
    route('/a/*'),
    '2:13: routes[0].prefix: must not have "*": a prefix already matches everything below it',
  ],
  ['a dot segment', route('/a/../b'), '2:13: routes[0].prefix: must not have "." or ".." segments'],
  [
    'a dot segment in disguise',
    route('/a/%2e%2E'),
    '2:13: routes[0].prefix: must not have "." or ".." segments',
  ],
  ['a query', route('/a?b'), '2:13: routes[0].prefix: must not have a query or fragment'],
  ['an escaped slash', route('/a%2fb'), '2:13: routes[0].prefix: must not have "\\", %2F, %5C or %00'],
  ['a broken escape', route('/a%2'), '2:13: routes[0].prefix: has a "%" that two hex digits do not follow'],
  ['an escape of a plain letter', route('/%67oods'), '2:13: routes[0].prefix: must be written /goods'],
  ['an escape in small letters', route('/caf%c3%a9'), '2:13: routes[0].prefix: must be written /caf%C3%A9'],
  [
    'a letter that must be escaped',
    route('/café'),
    '2:13: routes[0].prefix: must have "é" written as %C3%A9',
  ],
  ['a bad rewrite', route('/a', 'rewritePrefix: v2'), '4:20: routes[0].rewritePrefix: must start with "/"'],
  [
    'a prefix both stripped and rewritten',
    route('/a', 'stripPrefix: true', 'rewritePrefix: /b'),
    '5:5: routes[0].rewritePrefix: cannot be given beside stripPrefix: true; a route strips its prefix or rewrites it',
  ],
  [
    'the same host and prefix twice',
    'routes:\n  - { prefix: /a, host: A.example, service: x }\n  - { prefix: /a, service: x }\n  - { prefix: /a, host: a.example, service: y }\n',
    '4:15: routes[2].prefix: a.example/a is already routed on line 2',
  ],
  [
    'the same prefix twice, beside a mistake in either route',
    `${route('/a', 'maxBody: x')}  - { prefix: /a, service: '@' }\n`,
    '4:14: routes[0].maxBody: wanted a size such as 64KiB or 10MiB, or none, got "x"',
    '5:15: routes[1].prefix: /a is already routed on line 2',
    '5:28: routes[1].service: "@" is no service name; wanted letters, digits and ._~- as in goods or goods@dc2',
  ],
  [
    'a registry that is not there',
    'routes: [{ prefix: /a, service: a@dc2 }]\n',
    '1:33: routes[0].service: unknown registry "dc2"; known here: main',
  ],
  [
    'a registry that is nearly there',
    'registries: { main: { type: embedded }, dc2: { type: embedded } }\nservices: { a@dc3: {} }\n',
    '2:13: services.a@dc3: unknown registry "dc3"; did you mean "dc2"?',
  ],
  [
    'a service of main where no registry is called that',
    'registries: { dc1: { type: embedded } }\nroutes: [{ prefix: /a, service: a }]\n',
    '2:33: routes[0].service: there is no registry "main"; wanted a@dc1',
  ],
  [
    'registry and registries together, and none in them',
    'registry: { type: embedded }\nregistries: {}\n',
    '2:1: registries: cannot be given beside registry; move that one in here as main',
    '2:13: registries: must name at least one registry',
  ],
  [
    'a registry name that cannot be named',
    'registries: { a@b: { type: embedded } }\n',
    '1:15: registries.a@b: a registry name has letters, digits and ._- only',
  ],
  [
    'Consul settings that do not fit together',
    'registry:\n  type: consul\n  endpoints: [https://a:1, http://b:1]\n  tls: { cert: c.pem }\n  username: me\n',
    '3:14: registry.endpoints: must be all http:// or all https://',
    '4:3: registry.tls: cert and key go together',
    '5:3: registry: unknown key "username"; known here: type, endpoints, datacenter, token, tls',
  ],
  [
    'services with malformed tags',
    'registry: { type: consul, endpoints: a:1 }\nroutes:\n  - { prefix: /a, service: goods?tag= }\n  - { prefix: /b, service: goods?v2 }\n  - { prefix: /c, service: goods@dc2?tag=v2 }\n',
    ...['3:28: routes[0].service: "goods?tag="', '4:28: routes[1].service: "goods?v2"'].map(
      (start) =>
        `${start} is no service name; wanted letters, digits and ._~- as in goods?tag=v2 or goods?tag=v2@dc2`,
    ),
    '5:28: routes[2].service: "goods@dc2?tag=v2" is no service name; wanted letters, digits and ._~- as in goods?tag=v2 or goods?tag=v2@dc2',
  ],
  [
    'a part of a service by its tag in a registry without tags',
    'registry: { type: etcd, endpoints: a:1 }\nroutes:\n  - { prefix: /a, service: goods?tag=v2 }\n',
    '3:28: routes[0].service: selects by a tag, which only a registry of type consul has',
  ],
  [
    'an unknown type',
    'registry: { type: zookeeper }\n',
    '1:19: registry.type: wanted one of etcd, consul, dns, file, embedded, got "zookeeper"',
  ],
  [
    'no type',
    'registry:\n  endpoints: [a:1]\n',
    '2:3: registry.type: missing; wanted one of etcd, consul, dns, file, embedded',
  ],
  [
    'a mistyped type, and what else is unknown to every type of registry',
    'registry: { typ: etcd, endpoint: [http://a:1] }\n',
    '1:11: registry.type: missing; wanted one of etcd, consul, dns, file, embedded',
    '1:13: registry: unknown key "typ"; did you mean "type"?',
    '1:24: registry: unknown key "endpoint"; did you mean "endpoints"?',
  ],
  [
    'an unknown key beside an unknown type, in one of several registries',
    'registries:\n  main:\n    type: etdc\n    endpoint: a:1\n    token: x\n',
    '3:11: registries.main.type: wanted one of etcd, consul, dns, file, embedded, got "etdc"',
    '4:5: registries.main: unknown key "endpoint"; did you mean "endpoints"?',
  ],
  ['no members', 'registry: { type: etcd }\n', '1:11: registry.endpoints: missing; wanted a list'],
  [
    'an empty list of members',
    'registry: { type: etcd, endpoints: [] }\n',
    '1:36: registry.endpoints: must name at least one member',
  ],
  [
    'members that are no addresses, without repeating a password',
    'registry:\n  type: etcd\n  endpoints: [a, "http://u:secret@b:1", 5]\n',
    '3:15: registry.endpoints[0]: "a" has no :port',
    '3:18: registry.endpoints[1]: must not hold a user or a token; give those beside endpoints',
    '3:41: registry.endpoints[2]: wanted an etcd address such as http://127.0.0.1:2379, got 5',
  ],
  [
    'TLS to some members only',
    'registry: { type: etcd, endpoints: [a:1, "https://b:1"] }\n',
    '1:36: registry.endpoints: must be all http:// or all https://',
  ],
  [
    'TLS files that nothing uses, and half of a pair',
    'registry: { type: etcd, endpoints: [a:1], tls: { cert: c.pem } }\n',
    '1:43: registry.tls: needs endpoints that begin with https://',
    '1:43: registry.tls: cert and key go together',
  ],
  [
    'a user without a password',
    'registry: { type: etcd, endpoints: [a:1], username: u }\n',
    '1:53: registry.username: needs a password beside it',
  ],
  [
    'an embedded registry open to the network',
    'registry: { type: embedded, listen: 0.0.0.0:2379 }\n',
    '1:37: registry.listen: must be a loopback address: the embedded registry is for one machine',
  ],
  [
    'a service name that is none',
    'services: { "a b": {} }\n',
    '1:13: services.a b: "a b" is no service name; wanted letters, digits and ._~- as in goods or goods@dc2',
  ],
  [
    'a service named twice',
    'services:\n  a: {}\n  a@main: {}\n',
    '3:3: services.a@main: names a service that is already here on line 2',
  ],
  [
    'a mistake behind an alias, where it is written',
    'defaults: &d { tryTimeout: 5 }\nservices: { a: *d }\n',
    '1:28: defaults.tryTimeout: wanted a duration such as 300ms, 5s or 1m, got 5',
    '1:28: services.a.tryTimeout: wanted a duration such as 300ms, 5s or 1m, got 5',
  ],
  [
    'variables that are not set, all of them',
    'listen: ${HOST}:80\nadmin: "${ADMIN"\n',
    '1:9: environment variable HOST is not set; ${HOST:-default} would give it a default',
    '2:8: has "${" without "}"',
  ],
];

for (const [rule, text, ...problems] of bad) {
  test(`refused at its place: ${rule}`, () => assert.deepEqual(problemsOf(text), problems));
}

test('every error of a file is told, in the order of the file', () => {
  const lines = problemsOf(
    'listen: 1\nroutes:\n  - prefix: x\n    service: a@b\nadmin: 2\nserver: { x: 1 }\n',
  );
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['1:9:', '3:13:', '4:14:', '5:8:', '6:11:'],
  );
});

test('aliases that multiply are refused quickly', () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `a${level}: &a${level} [${Array(9).fill(level === 0 ? 'x' : `*a${level - 1}`)}]`,
  );
  assert.match(problemsOf(levels.join('\n')).join('\n'), /^1:1: Excessive alias count/);
});

test('what is allowed and hardly meant is a warning at its place', () => {
  const warningsOf = (text: string): string[] => {
    const result = parseConfig(text, 'f', {});
    assert.ok('settings' in result, JSON.stringify(result));
    return result.warnings.map(formatProblem);
  };
  assert.deepEqual(warningsOf(''), ['f:1:1: routes: no routes: every request will be answered 404']);
  assert.deepEqual(warningsOf('autoRoutes: true\n'), []);
  assert.deepEqual(warningsOf('autoRoutes: true\nadmin: 0.0.0.0:9901\n'), [
    'f:2:8: admin: is open to the network without adminToken: anyone there can drain endpoints',
  ]);
  assert.deepEqual(warningsOf('autoRoutes: true\nadmin: 0.0.0.0:9901\nadminToken: x\n'), []);
  assert.deepEqual(warningsOf(`${route('/goods')}services:\n  godos: {}\n  goods: {}\n`), [
    'f:5:3: services.godos: no route leads to this service; did you mean "goods"?',
  ]);
});

test('a file that cannot be read is one clear line', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-'));
  t.after(() => rm(folder, { recursive: true }));
  const binary = join(folder, 'binary.yaml');
  await writeFile(binary, Buffer.from([0x80, 0xff]));
  const cases = [
    [join(folder, 'none.yaml'), 'there is no such file'],
    [folder, 'it is a directory'],
    [binary, 'it is not UTF-8 text'],
  ] as const;
  for (const [path, reason] of cases) {
    const expected = { code: 'FILE_UNREADABLE', message: `cannot read ${path}: ${reason}` };
    await assert.rejects(loadConfigFile(path, {}), expected);
  }
});
