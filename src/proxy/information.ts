import { ServerResponse, STATUS_CODES } from 'node:http';
import type { ClientResponse } from './client-side.js';
import { endToEndFields, headerLines } from './response-headers.js';
import { StreamResponse } from './stream-response.js';

/**
 * Relays an interim response such as 103 Early Hints, which a proxy must forward (RFC 9110 section
 * 15.2). Node has a method for some of them only, so the head is written to the socket, ahead of the
 * final one. Left out for HTTP/1.0, which knows none, and while an earlier response of a pipelining
 * client still has the socket.
 */
export function writeInformation(response: ClientResponse, status: number, fields: readonly string[]): void {
  if (response instanceof StreamResponse) response.inform(status, endToEndFields(fields));
  if (!(response instanceof ServerResponse)) return;
  const { socket, req } = response;
  if (socket === null || response.headersSent || req.httpVersionMinor === 0) return;
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headerLines(fields)}\r\n`, 'latin1');
}
