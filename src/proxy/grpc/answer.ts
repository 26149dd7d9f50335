import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { httpStatusOf, isGrpcCall, isServerError, readGrpcStatus } from './status.js';

/** As Node gives the head of a response. */
export type ResponseFields = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** What an endpoint answered: its head, and later its trailers. */
export class GrpcAnswer {
  readonly #isGrpc: boolean;
  readonly #httpStatus: number;
  #grpcStatus: string | undefined;
  trailers: IncomingHttpHeaders = {};

  constructor(headers: ResponseFields) {
    this.#isGrpc = isGrpcCall(headers['content-type']);
    this.#httpStatus = headers[':status'] ?? 0;
    this.#grpcStatus = oneOf(headers['grpc-status']);
  }

  onTrailers(trailers: IncomingHttpHeaders): void {
    this.trailers = trailers;
    this.#grpcStatus = oneOf(trailers['grpc-status']) ?? this.#grpcStatus;
  }

  /** A call of gRPC without a status has been cut short. */
  get complete(): boolean {
    return !this.#isGrpc || this.#grpcStatus !== undefined || this.#httpStatus !== 200;
  }

  /** The status of HTTP that means the same. */
  get httpStatus(): number {
    if (this.#grpcStatus === undefined || this.#httpStatus !== 200) return this.#httpStatus;
    return httpStatusOf(readGrpcStatus(this.#grpcStatus));
  }

  get isServerError(): boolean {
    if (this.#grpcStatus === undefined || this.#httpStatus !== 200) return this.#httpStatus >= 500;
    return isServerError(readGrpcStatus(this.#grpcStatus));
  }
}

function oneOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
