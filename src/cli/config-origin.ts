import { type ConfigOrigin, fileOrigin } from '../config/origin.js';
import { isRegistryUrl, parseKeyUrl, withCredentials } from '../live-config/key-location.js';
import { KeyOrigin } from '../live-config/key-origin.js';
import { tellBeside, withNotice } from './progress.js';

/** What `-c` names, ready to be read. */
export interface OpenOrigin {
  readonly origin: ConfigOrigin;
  /** Ends the watch of a key. Idempotent. */
  close(): Promise<void>;
}

/**
 * A file, or a key as `etcd://host:port/key`. Of a key it waits until the registry has answered, and says so on
 * stderr; `signal` ends the waiting. Throws what is wrong with the URL, and REGISTRY_DENIED.
 */
export async function openOrigin(text: string, signal?: AbortSignal): Promise<OpenOrigin> {
  if (!isRegistryUrl(text)) return { origin: fileOrigin(text), close: async () => {} };
  const location = await withCredentials(parseKeyUrl(text), process.env);
  const waiting = (reason: string): void => tellBeside(`watchgate: ${reason}`);
  // While the registry is away there is no socket that would keep the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    const opening = KeyOrigin.open({ location, waiting, ...(signal && { signal }) });
    const origin = await withNotice('waiting for the registry', opening);
    return { origin, close: () => origin.close() };
  } finally {
    clearInterval(alive);
  }
}
