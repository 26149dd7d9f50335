export function newestChange(paths: readonly string[]): number;
export function stampedAt(stamp: string): number | undefined;
export function installedMatchesLock(root: string): boolean;
