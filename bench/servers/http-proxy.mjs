// http-proxy with connections kept, which by default it does not. Arguments: port, endpoint.
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port, endpoint] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const proxy = httpProxy.createProxyServer({ target: `http://${endpoint}`, agent, xfwd: true });
proxy.on('error', (_error, _request, response) => response?.destroy());
const server = createServer((request, response) => proxy.web(request, response));
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
server.listen(Number(port), '127.0.0.1');
