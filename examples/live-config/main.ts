// A service whose greeting is a key of etcd: it changes while the service runs.
import { createServer } from 'node:http';
import { watchConfig } from 'watchgate/config';
import * as z from 'zod';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const settings = z.strictObject({
  greeting: z.string().min(1),
  /** How often it is said. */
  times: z.int().min(1).max(10).default(1),
});

const config = await watchConfig({
  registry: process.env['WATCHGATE_REGISTRY'] ?? 'etcd://127.0.0.1:2379',
  key: process.env['SETTINGS'] ?? '/greeter/settings',
  schema: settings,
  // With this it starts without etcd, too.
  fallback: { greeting: 'hello', times: 1 },
});
config.on('change', ({ greeting }) => say(`the greeting is "${greeting}" now`));
config.on('refused', (errors) => say(errors.join('\n')));
config.on('disconnected', (reason) => say(`etcd is away, the greeting stays: ${reason}`));

const server = createServer((_, response) => {
  const { greeting, times } = config.value;
  response.end(`${Array(times).fill(greeting).join(', ')}\n`);
});
server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  say(`listening on http://127.0.0.1:${port}, the greeting is "${config.value.greeting}"`);
});

process.once('SIGTERM', () => {
  server.close();
  void config.close();
});
