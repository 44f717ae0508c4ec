import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly payload: unknown;
  /** Whether the library of Standard Webhooks takes it for ours. */
  readonly verified: boolean;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** From now on; at first each is answered with 204. */
  answer(with_: (response: ServerResponse) => void): void;
}

/** A real receiver of webhooks, which verifies what comes as its users would. */
export async function openReceiver(secret: string): Promise<Receiver> {
  const webhook = new Webhook(secret);
  const received: Received[] = [];
  let answer = (response: ServerResponse): void => void response.writeHead(204).end();
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    received.push({ id: headers['webhook-id'] ?? '', ...check(() => webhook.verify(body, headers)) });
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    answer: (with_) => void (answer = with_),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function check(verify: () => unknown): Pick<Received, 'payload' | 'verified'> {
  try {
    return { payload: verify(), verified: true };
  } catch (error) {
    return { payload: error, verified: false };
  }
}
