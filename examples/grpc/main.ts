import { callThroughGateway } from './calls.js';

const gateway = process.argv[2] ?? '127.0.0.1:8080';
const answers = await callThroughGateway(gateway, 9);
for (const [server, count] of [...answers].sort()) process.stdout.write(`${server}: ${count}\n`);
