// An endpoint that takes 100 ms for each request. Argument: port.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  request.resume();
  setTimeout(() => {
    response.setHeader('Content-Type', 'application/json');
    response.end('{"code":0,"message":"slow"}');
  }, 100);
});
server.keepAliveTimeout = 3_600_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
