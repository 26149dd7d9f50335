import { once } from 'node:events';
import { Command } from 'commander';
import { parseAddress } from '../core/address.js';
import { systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { startEmbeddedRegistry } from '../embedded/server.js';
import { remarks } from './remarks.js';

/** `watchgate registry`: the embedded registry alone, until SIGINT or SIGTERM. */
export function registryCommand(): Command {
  return new Command('registry')
    .description('run the embedded, in-memory registry alone; it speaks the etcd v3 API')
    .option('--listen <address>', 'loopback address and port; port 0 takes any free one', '127.0.0.1:2379')
    .addHelpText('after', remarks('\nExample:\n  watchgate registry --listen 127.0.0.1:2379'))
    .action(({ listen }: { listen: string }) => runRegistry(listen));
}

async function runRegistry(listen: string): Promise<void> {
  // Both listeners stand before the line that says ready, because a signal may follow it at once.
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const registry = await startEmbeddedRegistry({ listen: readListen(listen), clock: systemClock });
  process.stdout.write(`registry ready ${registry.endpoint}\n`);
  process.stdout.write(
    'it is for this one machine and forgets everything when it stops; ' +
      'for more run etcd and set registry: { type: etcd, endpoints: [http://HOST:2379] }\n',
  );
  await stopped;
  await registry.close();
}

function readListen(text: string): { host: string; port: number } {
  const anyPort = text.endsWith(':0');
  const address = parseAddress(anyPort ? text.replace(/0$/, '1') : text);
  if (typeof address === 'string') throw new WatchgateError('BAD_FLAG', `--listen: "${text}" ${address}`);
  return { host: address.host, port: anyPort ? 0 : address.port };
}
