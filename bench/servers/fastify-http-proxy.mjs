// @fastify/http-proxy as its documentation sets it up. Arguments: port, endpoint, path prefixes.
import proxy from '@fastify/http-proxy';
import { fastify } from 'fastify';

const [port, endpoint, ...prefixes] = process.argv.slice(2);
const app = fastify({ logger: false, routerOptions: { maxParamLength: 500 } });
for (const prefix of prefixes) {
  await app.register(proxy, {
    upstream: `http://${endpoint}`,
    prefix: prefix === '/' ? '' : prefix,
    rewritePrefix: prefix === '/' ? '' : prefix,
    websocket: prefixes.length === 1,
    // As many connections as the loads need; 128 is its default.
    undici: { connections: 1024, pipelining: 1 },
  });
}
await app.listen({ host: '127.0.0.1', port: Number(port) });
