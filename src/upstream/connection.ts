import type { Duplex, Readable } from 'node:stream';
import type { Turn } from '../core/turn.js';
import type { SocketAddress, SocketOptions } from './socket.js';

/** One request as it goes to an endpoint. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Flat: name, value, name, value, … Of the framing fields at most Content-Length is among them. */
  readonly headers: readonly string[];
  /** Without a Content-Length in `headers` it goes out in chunks. Destroyed when it is not needed to its end. */
  readonly body: Readable | undefined;
  /** Whether a switch to the WebSocket protocol is asked for. */
  readonly websocket: boolean;
}

/**
 * Why an exchange on a connection failed. `connect`: none could be made, and nothing was sent. `reset`:
 * it ended before its time. `partial`: so it did, after bytes of a response and before the head of a final one was
 * whole. `bad-response`: what came breaks RFC 9112. `bad-request`: the request was
 * refused before anything was sent. `request-body`: the client's body broke off.
 */
export type UpstreamFailure =
  | 'connect'
  | 'reset'
  | 'partial'
  | 'bad-response'
  | 'bad-request'
  | 'request-body';

/**
 * Told what becomes of one request. After `onEnd`, `onUpgrade` or `onFailure`, and after the connection
 * was destroyed without a failure, nothing more. Field lists are flat and latin-1, as they came.
 */
export interface ResponseHandler {
  /** From now on the endpoint may have received something. */
  onSent(): void;
  /** A 1xx other than 100 and 101. */
  onInformation(status: number, fields: readonly string[]): void;
  onHead(status: number, reason: string, fields: readonly string[]): void;
  /** The chunk is the receiver's to keep. False pauses the endpoint until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: readonly string[]): void;
  /** The endpoint switched; the socket is the receiver's to close. */
  onUpgrade(fields: readonly string[], socket: Duplex): void;
  onFailure(failure: UpstreamFailure): void;
}

/** Whose connection it is: told when it may be used again, and when it is gone. */
export interface ConnectionOwner {
  /** As a rule just before the exchange's `onEnd`. */
  onIdle(connection: UpstreamConnection): void;
  /** At most once, and not after `destroy`. */
  onClosed(connection: UpstreamConnection): void;
}

/** One connection to an endpoint, which connects when first used. Carries one request at a time. */
export interface UpstreamConnection {
  /** Whether the socket has carried a request before the present one. */
  readonly reused: boolean;
  /** Milliseconds on the monotonic clock after which it must not be used, once idle. */
  readonly idleUntil: number;
  /** Carries a WebSocket or an event stream, which seldom end by themselves. */
  longLived: boolean;
  /** Closes the tunnel that the connection became, if it did. */
  closeTunnel: (() => void) | undefined;
  /** Only when new or idle. */
  send(request: UpstreamRequest, handler: ResponseHandler): void;
  /** Goes on after `onData` returned false. */
  resume(): void;
  /** Closes it whatever it does; with a failure, that is what its handler is told. Idempotent. */
  destroy(failure?: UpstreamFailure): void;
}

export interface ConnectionOptions extends SocketOptions, SocketAddress {
  readonly owner: ConnectionOwner;
  /** When what is sent leaves. */
  readonly turn: Turn;
  /** Milliseconds for which an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Bytes of a response head, and of trailers. */
  readonly maxHead: number;
}
