/** Absolute path of the project, with a trailing slash. */
export const root: string;
export const buildStamp: string;
export function isAtLeast(actual: string, wanted: string): boolean;
export function ensureNode(): void;
export function ensureDependencies(): void;
export function ensureBuild(): void;
export function ensureReady(): void;
