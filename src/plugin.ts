import type { FastifyInstance } from 'fastify';
import { loadConfig, parseConfig } from './config/load.js';
import { fileOrigin } from './config/origin.js';
import { WatchgateError } from './core/errors.js';
import { openGateway } from './gateway.js';

export interface WatchgatePluginOptions {
  /** Path of a routes.yaml, followed for changes. */
  readonly file?: string;
  /** Or its text. One of the two. */
  readonly config?: string;
}

/**
 * The gateway as a Fastify plugin: `await app.register(watchgate, { file: 'routes.yaml' })` serves
 * the routes of the file from the application's own server, behind its `onRequest` hooks. Routes
 * of the application go first. `listen`, `admin` and `server` in the file are not used here, and with a
 * `prefix` option the prefixes in the file are still whole paths. The gateway closes with the application.
 *
 * Throws CONFIG_INVALID with `file:line:column: message` for every mistake.
 */
export async function watchgate(app: FastifyInstance, options: WatchgatePluginOptions): Promise<void> {
  const origin = options.file === undefined ? undefined : fileOrigin(options.file);
  const result =
    origin === undefined
      ? parseConfig(options.config ?? '', 'config', process.env)
      : await loadConfig(origin, process.env);
  if ('errors' in result) {
    const lines = result.errors.map((e) => `${e.file}:${e.line}:${e.column}: ${e.message}`);
    throw new WatchgateError('CONFIG_INVALID', lines.join('\n'));
  }
  const core = await openGateway({ settings: result.settings, origin });
  app.addHook('onClose', () => core.close());
  core.mount(app);
  await core.ready();
}
