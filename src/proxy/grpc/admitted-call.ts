import type { AdmittedRequest } from '../admitted-request.js';
import { StreamRequest } from '../stream-request.js';
import type { StreamResponse } from '../stream-response.js';
import { readGrpcTimeout } from './deadline.js';
import { isGrpcCall } from './status.js';

/** An admitted request of HTTP/2 for endpoints that are to have it as such. */
export interface AdmittedCall extends AdmittedRequest {
  readonly response: StreamResponse;
  /** Whether it is a call of gRPC, so that it is answered in those terms. */
  readonly isGrpc: boolean;
  /** Milliseconds that the client gives it; undefined when it does not say. */
  readonly timeout: number | undefined;
}

/** A request for a route of gRPC that came as a stream. */
export function admittedCall(admitted: AdmittedRequest, response: StreamResponse): AdmittedCall {
  const { request } = admitted;
  const isGrpc = isGrpcCall(request.headers['content-type']);
  const timeout = request instanceof StreamRequest ? request.headers['grpc-timeout'] : undefined;
  return {
    ...admitted,
    response,
    isGrpc,
    timeout: isGrpc && typeof timeout === 'string' ? readGrpcTimeout(timeout) : undefined,
  };
}
