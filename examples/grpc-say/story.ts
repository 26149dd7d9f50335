// Three servers, of which one is killed; a fourth comes, and another leaves. No call fails.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { registerResolvers } from 'watchgate/grpc';
import { Caller } from './caller.js';
import { type SayServer, startSayServer } from './server.js';

const SERVE = fileURLToPath(new URL('serve.ts', import.meta.url));
/** So many answers of a server show that it is one of those in use. */
const ENOUGH = 50;

export interface Tally {
  readonly calls: number;
  /** Cut off with a server, and made again. */
  readonly again: number;
  readonly failures: readonly string[];
}

/** `registry` is `etcd://host:port/prefix` or `consul://host:port`. */
export async function tellStory(registry: string, tell: (line: string) => void): Promise<Tally> {
  const scheme = registry.startsWith('consul') ? 'consul' : 'etcd';
  const resolvers = registerResolvers({ [scheme]: registry });
  const caller = new Caller(`${scheme}:///say`, 4);
  const seen = async (...names: readonly string[]): Promise<void> => {
    await caller.answered(names, ENOUGH);
    tell(`answering: ${names.join(', ')}`);
  };
  const victim = await startProcess('say-1', registry);
  const servers = new Map<string, SayServer>();
  const start = async (name: string): Promise<void> => {
    servers.set(name, await startSayServer(name, registry));
  };
  try {
    await Promise.all([start('say-2'), start('say-3')]);
    await seen('say-1', 'say-2', 'say-3');
    tell('say-1 is killed');
    await kill(victim);
    await seen('say-2', 'say-3');
    tell('say-4 comes');
    await start('say-4');
    await seen('say-2', 'say-3', 'say-4');
    tell('say-2 leaves');
    await servers.get('say-2')?.close();
    servers.delete('say-2');
    await seen('say-3', 'say-4');
  } finally {
    await caller.close();
    await kill(victim);
    await Promise.all([...servers.values()].map((server) => server.close()));
    await resolvers.close();
  }
  const { calls, again, failures } = caller;
  return { calls, again, failures };
}

async function startProcess(name: string, registry: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...process.execArgv, SERVE, name], {
    env: { ...process.env, WATCHGATE_REGISTRY: registry },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with ${code} before it was registered`);
  });
  await Promise.race([once(child.stdout, 'data'), failed]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
