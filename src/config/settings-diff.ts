/** A journal entry must stay readable when somebody replaces all of a thousand routes. */
const MOST_LINES = 50;
const LONGEST_VALUE = 80;

/** Names of what must not be shown. */
const SECRETS = new Set(['adminToken', 'password', 'token']);

/**
 * What is different in a newer document, one line for each option: `routes[/goods].tryTimeout: 30000 → 3000`.
 * Routes are told apart by host and prefix, as their order means nothing. Durations are in milliseconds, sizes in
 * bytes, and secrets are never shown.
 */
export function settingsDiff(before: object, after: object): string[] {
  const lines = [...differences('', before, after)];
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more`] : lines;
}

function* differences(path: string, before: unknown, after: unknown): Generator<string> {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  if (was === undefined || is === undefined) {
    if (JSON.stringify(before) !== JSON.stringify(after)) yield change(path, before, after);
    return;
  }
  for (const name of new Set([...was.keys(), ...is.keys()])) {
    yield* differences(joined(path, name), was.get(name), is.get(name));
  }
}

/** Members of a map, or routes by their name; undefined for anything that is compared whole. */
function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) {
    const named = value.map((item): [string, unknown] => [nameOfRoute(item) ?? '', item]);
    return named.every(([name]) => name !== '') ? new Map(named) : undefined;
  }
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

function nameOfRoute(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null || !('prefix' in item)) return undefined;
  const host = 'host' in item && typeof item.host === 'string' ? item.host : '';
  return `[${host}${String(item.prefix)}]`;
}

function joined(path: string, name: string): string {
  return path === '' || name.startsWith('[') ? `${path}${name}` : `${path}.${name}`;
}

function change(path: string, before: unknown, after: unknown): string {
  const name = path.slice(path.lastIndexOf('.') + 1);
  if (SECRETS.has(name)) return `${path}: changed`;
  if (after === undefined) return `${path}: removed`;
  // A whole map would not fit on the line.
  if (before === undefined)
    return fieldsOf(after) === undefined ? `${path}: ${shown(after)}` : `${path}: added`;
  return `${path}: ${shown(before)} → ${shown(after)}`;
}

function shown(value: unknown): string {
  // JSON has no Infinity, which stands for no limit.
  const text = value === Number.POSITIVE_INFINITY ? 'none' : (JSON.stringify(value) ?? 'none');
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
