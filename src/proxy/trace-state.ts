/** W3C Trace Context section 3.3.1.1: a list holds at most this many members. */
const MOST_MEMBERS = 32;

/** Sections 3.3.1.3.1 and 3.3.1.3.2: a key with or without a tenant, and a value that does not end in a space. */
const MEMBER =
  /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * Whether a `tracestate`, its lines joined by commas, is one. A list that is wrong in one place is
 * dropped whole, as section 3.3 allows: nobody can tell which of its parts still belong together. The
 * limits of members, keys and values bound its length; a list within them goes on in full, however
 * far over the 512 characters that everyone has to pass on.
 */
export function isTraceState(list: string): boolean {
  // Empty members are allowed, and not counted: they say nothing.
  const members = list.split(',').map(withoutSpace).filter(Boolean);
  return members.length > 0 && members.length <= MOST_MEMBERS && members.every((one) => MEMBER.test(one));
}

/** Without the optional white space of RFC 9110 section 5.6.3; `trim` would take line breaks and more. */
function withoutSpace(member: string): string {
  let [start, end] = [0, member.length];
  while (start < end && isSpace(member.charCodeAt(start))) start += 1;
  while (end > start && isSpace(member.charCodeAt(end - 1))) end -= 1;
  return member.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
