/**
 * Decides once, when a request has come in, whether its spans are kept. `parentSampled` is what the
 * client said of its own part of the trace; undefined when the trace begins here.
 */
export type TraceSampler = (traceId: string, parentSampled: boolean | undefined) => boolean;

/** What the span of a request tells beyond its record. Holds no query string. */
export interface RequestSpan {
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Of the client's span; undefined when the trace began here. */
  readonly parentId: string | undefined;
  /** The client's `tracestate`, which was valid; undefined when there was none. */
  readonly traceState: string | undefined;
  readonly scheme: 'http' | 'https';
  /** Authority that the client asked for; undefined when it named none. */
  readonly host: string | undefined;
  /** Of the connection that the request came in on. */
  readonly peer: string;
  readonly peerPort: number | undefined;
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  readonly userAgent: string | undefined;
  /** Prefix of the route. */
  readonly routePrefix: string | undefined;
  /** Path that endpoints were asked for, without the query; undefined when none was. */
  readonly forwardedPath: string | undefined;
}
