import { isServiceName } from './registration.js';

/** A service, and which of its registrations are meant: those that carry every one of the tags. */
export interface ServiceSelector {
  readonly name: string;
  /** Sorted, each once; none for all registrations. */
  readonly tags: readonly string[];
}

const TAG = /^[A-Za-z0-9._~:=-]{1,128}$/;

/**
 * Strictly reads `goods`, `goods?tag=v2` or `goods?tag=eu&tag=v2`; undefined for anything else. The part
 * of a service with some tags is a service of its own, named by this text.
 */
export function parseServiceSelector(text: string): ServiceSelector | undefined {
  const [name = '', query, ...rest] = text.split('?');
  if (rest.length > 0 || !isServiceName(name)) return undefined;
  if (query === undefined) return { name, tags: [] };
  const tags: string[] = [];
  for (const part of query.split('&')) {
    const tag = part.startsWith('tag=') ? part.slice('tag='.length) : '';
    if (!isTag(tag)) return undefined;
    tags.push(tag);
  }
  return { name, tags: [...new Set(tags)].sort() };
}

/** The one text of a selector, whatever order its tags were written in. */
export function formatServiceSelector({ name, tags }: ServiceSelector): string {
  return tags.length === 0 ? name : `${name}?${tags.map((tag) => `tag=${tag}`).join('&')}`;
}

/** Whether a tag can be written in a selector. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
