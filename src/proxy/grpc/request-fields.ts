import type { OutgoingHttpHeaders } from 'node:http2';
import { fieldsOf } from '../http2-fields.js';
import type { AdmittedCall } from './admitted-call.js';
import { writeGrpcTimeout } from './deadline.js';

/** Least time that is worth passing on, milliseconds. */
const LEAST_TIMEOUT = 1;

/**
 * The head for the endpoint: what the data path forwards, in the words of HTTP/2. The deadline goes on with the
 * time that is left of it.
 */
export function requestFields(call: AdmittedCall): OutgoingHttpHeaders {
  const { method, target, headers, timeout, context, startedAt } = call;
  const fields = fieldsOf(headers, {
    ':method': method,
    ':scheme': 'http',
    ':authority': headers[1] ?? '',
    ':path': target,
  });
  // Its value is `:authority` (RFC 9113 section 8.3.1); forwarded headers begin with it.
  delete fields['host'];
  if (timeout !== undefined) {
    const left = timeout - (context.clock.monotonic() - startedAt);
    fields['grpc-timeout'] = writeGrpcTimeout(Math.max(LEAST_TIMEOUT, left));
  }
  return fields;
}
