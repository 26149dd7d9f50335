import { isIPv6 } from 'node:net';
import { Command, Option } from 'commander';
import { delay, systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { DEFAULT_LEASE_SECONDS } from '../core/registration.js';
import { tcpCheck } from '../registrar/health-checks.js';
import { planRegistration, type RegisterOptions, type RegistrationPlan } from '../registrar/options.js';
import { WrappedProcess } from '../registrar/process.js';
import { type Registration, register } from '../registrar/registrar.js';
import {
  type AlsoFlag,
  alsoFlag,
  durationFlag,
  healthFlag,
  hostFlag,
  hostKeyFlag,
  metadataFlag,
  portFlag,
  serviceFlag,
  tagFlag,
  ttlFlag,
  weightFlag,
} from './register-flags.js';
import { remarks } from './remarks.js';

interface RegisterFlags {
  readonly service: string;
  readonly port: number;
  readonly also?: readonly AlsoFlag[];
  readonly hostKey?: string;
  readonly address?: string;
  readonly ttl: number;
  readonly health: string;
  readonly weight?: number;
  readonly zone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tag?: readonly string[];
  readonly drainWait: number;
  readonly stopTimeout: number;
  readonly registry: string;
}

const DEFAULT_REGISTRY = 'etcd://127.0.0.1:2379/service_registry_discovery';

const HELP = `
Without CMD it registers a process that runs already, until SIGTERM or SIGINT. With CMD it runs it, registers
it once its health check passes, and exits with its exit code. To stop, it marks the registration as draining,
takes it back, waits --drain-wait, and only then sends SIGTERM to CMD, or ends without one. A second signal
skips the waiting.

Examples:
  watchgate register --service goods --port 8080 --health /healthz -- node server.js
  watchgate register --service goods --port 8080 --also admin:9090/ready -- ./goods-server
  watchgate register --service goods --port 8080 --address 10.0.0.5 --registry etcd://10.0.0.2:2379`;

/** `watchgate register`: registers any process, or runs one and registers it. */
export function registerCommand(): Command {
  return new Command('register')
    .description('register any process with the registry, for as long as it is healthy')
    .argument('[command...]', 'the program to run and register, after --')
    .requiredOption('--service <name>', 'name of the service', serviceFlag)
    .requiredOption('--port <port>', 'port that the process listens on', portFlag)
    .option(
      '--also <service:port>',
      'another service of the same process, with /path after it for a health check of its own; may be given several times',
      alsoFlag,
    )
    .option(
      '--address <host>',
      "IP or name that others reach it by (default: this machine's first IPv4)",
      hostFlag,
    )
    .option(
      '--host-key <key>',
      'last part of the key, distinct for each process (default: the host name)',
      hostKeyFlag,
    )
    .option('--ttl <seconds>', 'lease time to ask for', ttlFlag, DEFAULT_LEASE_SECONDS)
    .option(
      '--health <check>',
      'a path that answers 200-399, "tcp" for an accepted connection, or "none"',
      healthFlag,
      'tcp',
    )
    .option('--weight <number>', 'relative share of traffic (default: 1)', weightFlag)
    .option('--zone <zone>', 'zone that it runs in')
    .option('--metadata <key=value>', 'may be given several times', metadataFlag)
    .option('--tag <tag>', 'tag in Consul; may be given several times', tagFlag)
    .addOption(
      new Option('--drain-wait <duration>', 'between leaving the registry and SIGTERM to CMD, or our own end')
        .argParser(durationFlag)
        .default(1_000, '1s'),
    )
    .addOption(
      new Option('--stop-timeout <duration>', 'between SIGTERM and SIGKILL to CMD')
        .argParser(durationFlag)
        .default(10_000, '10s'),
    )
    .addOption(
      // Not through commander's own check: its message would repeat the password.
      new Option('--registry <url>', 'etcd://host:port[,host:port…]/prefix or consul://host:port').default(
        process.env['WATCHGATE_REGISTRY'] || DEFAULT_REGISTRY,
        `WATCHGATE_REGISTRY, else ${DEFAULT_REGISTRY}`,
      ),
    )
    .addHelpText('after', remarks(HELP))
    .action(async (command: string[], flags: RegisterFlags) => {
      process.exitCode = await run(command, flags);
    });
}

async function run([file, ...args]: string[], flags: RegisterFlags): Promise<number> {
  const options = optionsFrom(flags);
  // A registration's timers do not keep a process running, and this one exists for nothing else.
  const hold = setInterval(() => {}, 60_000);
  try {
    return await (file === undefined
      ? runAlone(options, flags)
      : runWrapped([file, ...args], options, flags));
  } finally {
    clearInterval(hold);
  }
}

/** Ends only after the wait: whatever stops the process may be waiting for us to be done. */
async function runAlone(options: readonly RegisterOptions[], { drainWait }: RegisterFlags): Promise<number> {
  const hurry = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    let signals = 0;
    onStopSignals(() => {
      signals += 1;
      if (signals === 1) resolve();
      else hurry.abort();
    });
  });
  const registrations = registerAll(options);
  await stopped;
  await registrations.close();
  await delay(systemClock, drainWait, hurry.signal);
  return 0;
}

async function runWrapped(
  command: [string, ...string[]],
  options: readonly RegisterOptions[],
  { drainWait, stopTimeout }: RegisterFlags,
): Promise<number> {
  const wrapped = new WrappedProcess({
    command,
    register: () => registerAll(options),
    drainWaitMs: drainWait,
    stopTimeoutMs: stopTimeout,
    clock: systemClock,
    note: say,
  });
  onStopSignals(() => wrapped.stop());
  return wrapped.ended;
}

function onStopSignals(stop: () => void): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
}

/** Registers one service or several. They leave together, so that the program is told when all have left. */
function registerAll(options: readonly RegisterOptions[]): Pick<Registration, 'close'> {
  const registrations = options.map((one) => {
    const note = options.length === 1 ? say : (line: string) => say(`${one.service}: ${line}`);
    return announced(register(one), note);
  });
  return {
    close: async () => {
      await Promise.all(registrations.map((registration) => registration.close()));
    },
  };
}

/** After that somebody wonders what is waited for. */
const PATIENCE_MS = 1_000;

/** Tells on stderr what becomes of a registration; stdout belongs to the program. */
function announced(registration: Registration, note: (line: string) => void): Registration {
  let fault = '';
  note(`registering ${registration.key} = ${registration.address}`);
  const patience = systemClock.after(PATIENCE_MS, () =>
    note(registration.healthy ? 'waiting for the registry' : 'waiting for the health check to pass'),
  );
  registration.on('registered', ({ ttl, leaseId }) => {
    patience.cancel();
    fault = '';
    note(`registered, ${leaseId === '' ? 'TTL check' : `lease ${BigInt(leaseId).toString(16)}`} of ${ttl} s`);
  });
  registration.on('lost', ({ reason }) => note(`registration lost: ${reason}; registering again`));
  registration.on('withdrawn', () => note('health check fails: registration withdrawn'));
  registration.on('restored', () => note('health check passes again'));
  registration.on('closed', () => {
    patience.cancel();
    note('deregistered');
  });
  registration.on('fault', ({ message }) => {
    patience.cancel();
    // A registry that is down for an hour is one line, not thousands.
    if (message !== fault) note(`registry: ${message}; trying again`);
    fault = message;
  });
  return registration;
}

function say(line: string): void {
  process.stderr.write(`watchgate register: ${line}\n`);
}

function optionsFrom(flags: RegisterFlags): RegisterOptions[] {
  const { service, port, health, also = [] } = flags;
  const all = [{ service, port, health }, ...also];
  if (new Set(all.map((one) => one.service)).size < all.length)
    throw new WatchgateError(
      'BAD_FLAG',
      '--also: each service can be named once, for their keys would be the same',
    );
  return all.map((one) => optionsOf({ ...one, health: one.health ?? health }, flags));
}

function optionsOf({ service, port, health }: Required<AlsoFlag>, flags: RegisterFlags): RegisterOptions {
  const { address: host, hostKey, ttl, weight, zone, metadata, tag: tags, registry } = flags;
  const address = host === undefined ? port : isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  const options = { registry, service, address, hostKey, ttl, weight, zone, metadata, tags };
  // Checks them too, before a program is started for nothing.
  const plan = planned(options);
  if (health === 'none') return options;
  return { ...options, health: health === 'tcp' ? tcpCheck(plan.address) : health };
}

/** The flags have been checked one by one; only the registry's address is left to be wrong. */
function planned(options: RegisterOptions): RegistrationPlan {
  try {
    return planRegistration(options);
  } catch (error) {
    if (!(error instanceof WatchgateError)) throw error;
    throw new WatchgateError(error.code, `--${error.message}`, { cause: error });
  }
}
