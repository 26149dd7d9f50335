/** A server that runs here. */
export interface TestServer {
  readonly name: string;
  /** As the server itself says, `3.5.16`. */
  readonly version: string;
  /** Absolute path of each of its commands. */
  readonly commands: Readonly<Record<string, string>>;
  /** What the commands need in their environment besides the usual. */
  readonly env: Readonly<Record<string, string>>;
}

export interface EnsuredServers {
  readonly found: Readonly<Record<string, TestServer>>;
  /** One line for each server that could not be had. */
  readonly missing: readonly string[];
}

export function findServer(name: string): TestServer | undefined;
export function ensureServers(names?: readonly string[]): Promise<EnsuredServers>;
