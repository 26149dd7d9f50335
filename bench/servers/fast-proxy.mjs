// fast-proxy with its own defaults. Arguments: port, endpoint.
import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';

const [port, endpoint] = process.argv.slice(2);
const { proxy } = fastProxy({ base: `http://${endpoint}` });
const server = createServer((request, response) => proxy(request, response, request.url, {}));
server.listen(Number(port), '127.0.0.1');
