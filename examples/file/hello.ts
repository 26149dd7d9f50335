// A service that does not register: it only answers. Whoever starts it lists it in a file.
import { once } from 'node:events';
import { createServer } from 'node:http';

const server = createServer((_request, response) => {
  response.end(`hello from ${port}\n`);
});
server.listen(Number(process.env['PORT'] ?? 9001), '127.0.0.1');
await once(server, 'listening');
const bound = server.address();
const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
process.stdout.write(`listening on 127.0.0.1:${port}\n`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
