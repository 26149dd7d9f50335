import type { OutgoingHttpHeaders } from 'node:http2';

/** A flat list as the object that Node wants. `Connection` means nothing in HTTP/2 (RFC 9113 section 8.2.2); a client is sent away with GOAWAY. */
export function fieldsOf(flat: readonly string[], into: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  for (let index = 0; index < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    const value = flat[index + 1] ?? '';
    if (name === 'connection') continue;
    const before = into[name];
    if (before === undefined) into[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else into[name] = [String(before), value];
  }
  return into;
}

/** Node refuses to repeat a field that has one value by its definition, which HTTP/1.1 lets pass. The first counts. */
export function withoutRepeats(head: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const fields = Object.entries(head).map(([name, value]) => [
    name,
    Array.isArray(value) && name !== 'set-cookie' ? value[0] : value,
  ]);
  return Object.fromEntries(fields);
}
