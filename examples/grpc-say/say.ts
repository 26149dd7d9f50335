// The Say service of say.proto, with its types.
import { fileURLToPath } from 'node:url';
import {
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  type handleUnaryCall,
  loadPackageDefinition,
  type Metadata,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export interface HelloRequest {
  readonly name: string;
}

export interface HelloReply {
  readonly text: string;
  /** Which server said it. */
  readonly server: string;
}

export type HelloHandler = handleUnaryCall<HelloRequest, HelloReply>;

export interface SayClient extends Client {
  hello(
    request: HelloRequest,
    metadata: Metadata,
    options: { readonly deadline: number },
    answer: (error: ServiceError | null, reply?: HelloReply) => void,
  ): void;
}

interface SayConstructor {
  new (target: string, credentials: ChannelCredentials, options?: ChannelOptions): SayClient;
  readonly service: ServiceDefinition;
}

const definition = loadSync(fileURLToPath(new URL('say.proto', import.meta.url)));

// What the file says is known to its reader, and not to the compiler.
const proto = loadPackageDefinition(definition) as unknown as {
  readonly say: { readonly Say: SayConstructor };
};

export const Say = proto.say.Say;
