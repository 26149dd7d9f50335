import { createServer, request } from 'node:http';
import type { TestContext } from 'node:test';

/** A reverse proxy that shows `origin` below `prefix`, and nothing beside it; its address with the prefix. */
export async function startPrefixProxy(t: TestContext, prefix: string, origin: string): Promise<string> {
  const server = createServer((incoming, answer) => {
    const path = incoming.url ?? '';
    if (!path.startsWith(`${prefix}/`)) {
      answer.writeHead(404).end();
      return;
    }
    const { method, headers } = incoming;
    const outgoing = request(origin + path.slice(prefix.length), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy does not listen');
  return `http://127.0.0.1:${address.port}${prefix}/`;
}
