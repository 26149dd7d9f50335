import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { ensureServers, findServer } from '../../scripts/servers.mjs';

const { missing } = await ensureServers(['chromium']);
if (process.env['CI'] === 'true' && missing.length > 0) throw new Error(missing.join('\n'));

/** Why there is no browser here; false when there is one. As node:test takes it for `skip`. */
export const noBrowser: string | false = missing[0] ?? false;

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly reducedMotion?: boolean;
  readonly javaScript?: boolean;
}

/** A browser with a fresh profile. */
export class Browser {
  readonly context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.#profile = profile;
  }

  static async open(options: BrowserOptions = {}): Promise<Browser> {
    const server = findServer('chromium');
    const executablePath = server?.commands['chromium'];
    if (server === undefined || executablePath === undefined) throw new Error('there is no browser here');
    const profile = await mkdtemp(join(tmpdir(), 'watchgate-browser-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath,
      args: FLAGS,
      env: { ...ownEnvironment(), ...server.env },
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      colorScheme: options.dark === true ? 'dark' : 'light',
      reducedMotion: options.reducedMotion === true ? 'reduce' : 'no-preference',
      javaScriptEnabled: options.javaScript ?? true,
    });
    context.setDefaultTimeout(10_000);
    return new Browser(context, profile);
  }

  /** A page at this address, and every complaint that it made: of its script, its console or its policy. */
  async visit(url: string): Promise<{ readonly page: Page; readonly complaints: string[] }> {
    const page = await this.context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints };
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function ownEnvironment(): Record<string, string> {
  const set = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return Object.fromEntries(set);
}
