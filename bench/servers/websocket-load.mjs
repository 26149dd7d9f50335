// Sends a message on each connection as soon as the last has come back. Arguments: URL, connections, seconds.
// Prints one line of JSON, in the form that the Lua of bench/wrk.ts prints.
import { WebSocket } from 'ws';

const [url, connections, seconds] = process.argv.slice(2);
const message = Buffer.alloc(64, 'x');
const latencies = [];
let errors = 0;
let counting = false;

function open() {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      socket.send(message);
    };
    socket.on('message', () => {
      if (counting) latencies.push(performance.now() - sentAt);
      send();
    });
    socket.on('error', () => {
      errors += 1;
      resolve(undefined);
    });
    socket.on('open', () => {
      resolve(socket);
      send();
    });
  });
}

const sockets = await Promise.all(Array.from({ length: Number(connections) }, open));
counting = true;
const startedAt = performance.now();
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
counting = false;
const micros = Math.round((performance.now() - startedAt) * 1000);
for (const socket of sockets) socket?.terminate();

latencies.sort((a, b) => a - b);
const at = (share) => Math.round((latencies[Math.floor(share * latencies.length)] ?? 0) * 1000);
const requests = latencies.length;
const result = { requests, micros, bytes: requests * message.length, errors, p50: at(0.5), p99: at(0.99) };
process.stdout.write(`${JSON.stringify(result)}\n`);
