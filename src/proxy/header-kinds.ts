/** What a header field is to an intermediary, by its name. */
export type HeaderKind =
  | 'end-to-end'
  | 'hop-by-hop'
  | 'connection'
  | 'host'
  | 'content-length'
  | 'transfer-encoding'
  | 'te'
  | 'expect'
  | 'upgrade'
  | 'via'
  | 'traceparent'
  | 'tracestate'
  | 'x-trace-id'
  | 'x-forwarded-for'
  | 'x-forwarded-proto'
  | 'x-forwarded-host'
  | 'x-forwarded-port'
  | 'forwarded'
  | 'trailer';

/** RFC 9110 section 7.6.1, and the fields of its predecessors that still are sent. */
const KINDS = new Map<string, HeaderKind>([
  ['connection', 'connection'],
  ['keep-alive', 'hop-by-hop'],
  ['proxy-connection', 'hop-by-hop'],
  ['proxy-authenticate', 'hop-by-hop'],
  ['proxy-authorization', 'hop-by-hop'],
  ['proxy-authentication-info', 'hop-by-hop'],
  ['http2-settings', 'hop-by-hop'],
  ['host', 'host'],
  ['content-length', 'content-length'],
  ['transfer-encoding', 'transfer-encoding'],
  ['te', 'te'],
  ['expect', 'expect'],
  ['upgrade', 'upgrade'],
  ['via', 'via'],
  ['traceparent', 'traceparent'],
  ['tracestate', 'tracestate'],
  ['x-trace-id', 'x-trace-id'],
  ['x-forwarded-for', 'x-forwarded-for'],
  ['x-forwarded-proto', 'x-forwarded-proto'],
  ['x-forwarded-host', 'x-forwarded-host'],
  ['x-forwarded-port', 'x-forwarded-port'],
  ['forwarded', 'forwarded'],
  ['trailer', 'trailer'],
]);

const SPELLINGS_KEPT = 1000;
const bySpelling = new Map<string, HeaderKind>();

/**
 * The kind of a field name in any letter case. Spellings seen are remembered, up to a bound that
 * strangers cannot exceed, so that the usual name costs one look-up and no lower-casing.
 */
export function headerKind(name: string): HeaderKind {
  const known = bySpelling.get(name);
  if (known !== undefined) return known;
  const kind = KINDS.get(name.toLowerCase()) ?? 'end-to-end';
  if (bySpelling.size < SPELLINGS_KEPT) bySpelling.set(name, kind);
  return kind;
}

const NOTHING_NAMED: ReadonlySet<string> = new Set();

/**
 * The field names, lower case, that a `Connection` value makes hop-by-hop. Options that are no
 * fields (`close`, `keep-alive`) are left out.
 */
export function namedInConnection(value: string): ReadonlySet<string> {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close' || lower === '') return NOTHING_NAMED;
  const names = lower.split(',').map((name) => name.trim());
  return new Set(names.filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive'));
}
