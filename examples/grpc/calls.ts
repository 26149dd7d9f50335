// A client that knows nothing of registries: it calls the gateway, over one connection.
import { credentials, Metadata } from '@grpc/grpc-js';
import { type HelloReply, Say, type SayClient } from '../grpc-say/say.js';

const DEADLINE_MS = 5_000;

/** Makes so many calls one after another. Resolves to how many each server has answered; rejects when one fails. */
export async function callThroughGateway(
  gateway: string,
  calls: number,
): Promise<ReadonlyMap<string, number>> {
  const client = new Say(gateway, credentials.createInsecure());
  const answers = new Map<string, number>();
  try {
    for (let call = 0; call < calls; call += 1) {
      const { server } = await hello(client);
      answers.set(server, (answers.get(server) ?? 0) + 1);
    }
  } finally {
    client.close();
  }
  return answers;
}

function hello(client: SayClient): Promise<HelloReply> {
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve, reject) => {
    client.hello({ name: 'world' }, new Metadata(), options, (error, reply) => {
      if (reply === undefined) reject(error ?? new Error('no answer'));
      else resolve(reply);
    });
  });
}
