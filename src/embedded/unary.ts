import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { EtcdError } from './etcd-error.js';

/** A gRPC handler that answers with what `answer` returns, or with the refusal it throws. */
export function unary<Request, Response>(
  answer: (request: Request) => Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    let response: Response;
    try {
      response = answer(call.request);
    } catch (error) {
      callback(
        error instanceof EtcdError
          ? { code: error.code, details: error.details }
          : { code: status.INTERNAL, details: `embedded registry: ${String(error)}` },
      );
      return;
    }
    callback(null, response);
  };
}
