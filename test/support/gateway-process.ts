import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withListeners } from './gateway-under-test.js';
import { rawRequest } from './raw-client.js';
import { head } from './raw-http.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_PATIENCE_MS = 20_000;

export interface Exit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `watchgate` with these arguments, as a process of its own. Ends with the test. */
export class WatchgateProcess {
  readonly #child: ChildProcess;
  readonly exit: Promise<Exit>;
  #stdout = '';
  #stderr = '';

  constructor(t: TestContext, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [join(ROOT, 'dist/main.js'), ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child.stdout?.on('data', (piece) => {
      this.#stdout += piece;
    });
    this.#child.stderr?.on('data', (piece) => {
      this.#stderr += piece;
    });
    this.exit = once(this.#child, 'close').then(([code]) => ({
      code,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
    t.after(async () => {
      this.#child.kill('SIGKILL');
      await this.exit;
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process did not start');
    return this.#child.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits for a line on standard output. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const patience = AbortSignal.timeout(START_PATIENCE_MS);
    const ended = this.exit.then(() => undefined);
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (this.#child.exitCode !== null || patience.aborted) {
        throw new Error(`no line ${pattern}; stdout: ${this.#stdout}; stderr: ${this.#stderr}`);
      }
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data', { signal: patience }), ended]);
    }
  }
}

export interface GatewayProcess {
  readonly process: WatchgateProcess;
  readonly port: number;
  readonly adminPort: number;
  /** The configuration file, which may be rewritten. */
  readonly file: string;
  /** Status and body of an admin call. */
  admin(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Asks an admin call again until the answer is as wanted. */
  adminUntil(path: string, wanted: (status: number, body: string) => boolean): Promise<string>;
}

/** A file of this text that disappears with the test. */
export async function temporaryFile(t: TestContext, name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

/** `watchgate start` on this routes.yaml, which says nothing of `listen` and `admin`. Resolves when it listens. */
export async function startGatewayProcess(
  t: TestContext,
  routes: string,
  env?: Readonly<Record<string, string>>,
): Promise<GatewayProcess> {
  const file = await temporaryFile(t, 'routes.yaml', withListeners(routes));
  const gateway = new WatchgateProcess(t, ['start', '-c', file], env);
  const [, port, adminPort] = await gateway.line(/listening on \S+:(\d+), admin on \S+:(\d+)/);
  const admin = async (path: string) => {
    const { status, body } = await rawRequest(
      Number(adminPort),
      head(`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close'),
    );
    return { status, body: body.toString() };
  };
  return {
    process: gateway,
    port: Number(port),
    adminPort: Number(adminPort),
    file,
    admin,
    async adminUntil(path, wanted) {
      const patience = AbortSignal.timeout(START_PATIENCE_MS);
      for (;;) {
        const { status, body } = await admin(path);
        if (wanted(status, body)) return body;
        if (patience.aborted) throw new Error(`${path} still answers ${status} ${body}`);
        await pause(20);
      }
    },
  };
}
