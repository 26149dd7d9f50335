import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Command, InvalidArgumentError } from 'commander';
import { parseConfig } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { parsePort } from '../core/address.js';
import { delay, systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { type EmbeddedRegistry, startEmbeddedRegistry } from '../embedded/server.js';
import { type Gateway, startGateway } from '../gateway.js';
import { GoodsFleet } from './demo-goods.js';
import { DemoLog } from './demo-log.js';
import { remarks } from './remarks.js';

interface Ports {
  readonly gateway: number;
  readonly admin: number;
  readonly registry: number;
}

const READY_WITHIN_MS = 30_000;
const READY_POLL_MS = 20;
/** On a terminal; what reads a pipe or a file gets every line. */
const REQUEST_LINES_PER_SECOND = 10;
const KEYS = '+ starts a goods service, - stops one, k kills one with SIGKILL, q stops the demo';

/** `watchgate demo`: registry, services and gateway from one terminal. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run a registry, goods services and the gateway in one terminal')
    .option('--goods <number>', 'how many goods services', goodsFlag, 3)
    .addHelpText(
      'after',
      remarks(
        `\nKeys: ${KEYS}.\nPorts come from WATCHGATE_PORT (8080), WATCHGATE_ADMIN_PORT (9901) and ` +
          'WATCHGATE_REGISTRY_PORT (2379).' +
          '\n\nExample:\n  watchgate demo --goods 5',
      ),
    )
    .action(async ({ goods }: { goods: number }) => {
      const log = new DemoLog(
        process.stdout,
        process.stdout.isTTY ? REQUEST_LINES_PER_SECOND : Number.POSITIVE_INFINITY,
      );
      await runDemo(goods, portsFrom(process.env), log);
      // A reader that stands still would otherwise keep this process from ending.
      if (!(await log.flush(500))) process.exit();
    });
}

async function runDemo(goods: number, ports: Ports, log: DemoLog): Promise<void> {
  // It tells of a taken port in words of its own, beside ours.
  if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
  const stop = new AbortController();
  const forget = onStopSignals(() => stop.abort());
  const closers: (() => Promise<void> | void)[] = [forget];
  try {
    const registry = await startEmbeddedRegistry({
      listen: { host: '127.0.0.1', port: ports.registry },
      clock: systemClock,
    });
    closers.push(() => registry.close());
    const fleet = fleetFor(registry, log);
    closers.push(() => fleet.close());
    const gateway = await startGateway({ settings: settingsFor(registry, ports), logStream: log });
    closers.push(() => leave(gateway));
    for (let count = 0; count < goods; count++) fleet.start();
    const url = `http://${gateway.address}/goods/list`;
    if (!(await servesFrom(url, goods, gateway, fleet, stop.signal))) return;
    introduce(url, gateway, registry, log);
    closers.push(listenToKeys(fleet, log, () => stop.abort()));
    log.say(`ready ${url}`);
    await aborted(stop.signal);
  } catch (error) {
    throw withHint(error);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function fleetFor(registry: EmbeddedRegistry, log: DemoLog): GoodsFleet {
  return new GoodsFleet({
    registry: registry.endpoint.replace('http:', 'etcd:'),
    clock: systemClock,
    onLine: (line) => log.write(line),
    onEnd: (name, signal) => log.say(`${name} ended${signal === null ? '' : ` by ${signal}`}`),
  });
}

function settingsFor(registry: EmbeddedRegistry, ports: Ports): Settings {
  const text = `
listen: 127.0.0.1:${ports.gateway}
admin: 127.0.0.1:${ports.admin}
registry: { type: etcd, endpoints: [${registry.endpoint}] }
routes: [{ prefix: /goods, service: goods }]
drainDelay: 0s
drainTimeout: 2s
`;
  const result = parseConfig(text, 'demo', {});
  if ('settings' in result) return result.settings;
  throw new WatchgateError(
    'CONFIG_INVALID',
    result.errors.map(({ message }) => `demo: ${message}`).join('; '),
  );
}

/** Whether a request through the gateway succeeds now, every service being known; false when told to stop. */
async function servesFrom(
  url: string,
  goods: number,
  gateway: Gateway,
  fleet: GoodsFleet,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = systemClock.monotonic() + READY_WITHIN_MS;
  while (!signal.aborted) {
    const known = gateway.views.service('goods')?.endpoints.length ?? 0;
    if (known >= goods && (await answers(url))) return true;
    if (fleet.size < goods || systemClock.monotonic() > deadline)
      throw new WatchgateError('COMMAND_FAILED', 'demo: the goods services did not come up');
    await delay(systemClock, READY_POLL_MS, signal);
  }
  return false;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2_000),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

function introduce(url: string, gateway: Gateway, registry: EmbeddedRegistry, log: DemoLog): void {
  const elsewhere =
    gateway.adminAddress === 'http://127.0.0.1:9901' ? '' : ` --admin ${gateway.adminAddress}`;
  log.say(`gateway    http://${gateway.address}`);
  log.say(`dashboard  ${gateway.adminAddress}`);
  log.say(`registry   ${registry.endpoint} (etcd v3 API, in memory)`);
  log.say(`try        curl ${url}`);
  log.say(`watch      node dist/main.js endpoints --watch${elsewhere}`);
}

/** Answers the function that gives the terminal back. Without a terminal there are no keys. */
function listenToKeys(fleet: GoodsFleet, log: DemoLog, stop: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const actions: Readonly<Record<string, () => void>> = {
    '+': () => log.say(`starting ${fleet.start()}`),
    '-': () => log.say(`stopping ${fleet.stop() ?? 'nothing: no goods service runs'}`),
    k: () => log.say(`killing ${fleet.kill() ?? 'nothing: no goods service runs'}`),
    q: stop,
    // A raw terminal hands over Ctrl-C as a character.
    '\u0003': stop,
  };
  const onData = (keys: Buffer): void => {
    for (const key of keys.toString()) actions[key === '=' ? '+' : key]?.();
  };
  stdin.setRawMode(true).on('data', onData).resume();
  log.say(`keys       ${KEYS}`);
  return () => {
    stdin.off('data', onData).pause();
    stdin.setRawMode(false);
  };
}

/** The first signal leaves in order, the second at once. */
function onStopSignals(stop: () => void): () => void {
  let signals = 0;
  const received = (): void => {
    signals += 1;
    if (signals > 1) process.exit(1);
    stop();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, received);
  return () => {
    for (const name of names) process.off(name, received);
  };
}

async function leave(gateway: Gateway): Promise<void> {
  await gateway.drain();
  await gateway.close();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function withHint(error: unknown): unknown {
  if (!(error instanceof WatchgateError) || error.code !== 'PORT_TAKEN') return error;
  const hint = 'other ports: WATCHGATE_PORT, WATCHGATE_ADMIN_PORT, WATCHGATE_REGISTRY_PORT';
  return new WatchgateError('PORT_TAKEN', `demo: ${error.message} (${hint})`, { cause: error });
}

function portsFrom(env: NodeJS.ProcessEnv): Ports {
  const port = (name: string, otherwise: number): number => {
    const text = env[name];
    if (text === undefined || text === '') return otherwise;
    const given = text === '0' ? 0 : parsePort(text);
    if (given === undefined)
      throw new WatchgateError(
        'BAD_FLAG',
        `${name}: "${text}" is not a port; wanted 1 to 65535, or 0 for any`,
      );
    return given;
  };
  return {
    gateway: port('WATCHGATE_PORT', 8080),
    admin: port('WATCHGATE_ADMIN_PORT', 9901),
    registry: port('WATCHGATE_REGISTRY_PORT', 2379),
  };
}

function goodsFlag(text: string): number {
  if (!/^[1-9][0-9]?$/.test(text)) throw new InvalidArgumentError('Wanted a number from 1 to 99.');
  return Number(text);
}
