import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Behaviour, Fault } from '../oci-simulator/behaviour.ts';
import { createBillBook } from '../oci-simulator/billing.ts';
import type { BillBook, BilledCall } from '../oci-simulator/billing.ts';
import { readBody } from '../oci-simulator/exchange.ts';
import { OciFailure } from '../oci-simulator/failure.ts';
import { createKnobs } from '../oci-simulator/knobs.ts';
import type { Knobs } from '../oci-simulator/knobs.ts';

/** A running simulator of a model provider, and its controls. */
export interface SimulatedProvider extends AsyncDisposable {
  /** Without a path. */
  readonly url: string;
  /** Every accepted call that has ended, in the order of their ends. */
  billed(): readonly BilledCall[];
  clearBilled(): void;
  /** What is not named goes back to the default. */
  setBehaviour(behaviour: Partial<Behaviour>): void;
  enqueueFaults(faults: readonly Fault[]): void;
  /** Calls that are accepted and have not ended. */
  callsInFlight(): number;
}

/** What a simulator answers with. */
export interface ProviderDeps {
  readonly book: BillBook;
  readonly knobs: Knobs;
  readonly now: () => number;
}

/** A request with its body, and the response that it will get. */
export interface ProviderExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  /** The id in the response's headers. */
  readonly callId: string;
}

/** What makes a provider this one. */
export interface ProviderManners {
  readonly newCallId: () => string;
  readonly callIdHeader: string;
  /** @throws OciFailure for what the provider refuses */
  answer(deps: ProviderDeps, exchange: ProviderExchange): Promise<void>;
  /** The body of a refusal, as JSON. */
  failureBody(failure: OciFailure, callId: string): object;
}

export async function openSimulatedProvider(manners: ProviderManners, now: () => number): Promise<SimulatedProvider> {
  const book = createBillBook(now);
  const knobs = createKnobs({});
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, (request, response) => {
    const callId = manners.newCallId();
    response.setHeader(manners.callIdHeader, callId);
    readBody(request)
      .then((body) => manners.answer({ book, knobs, now }, { request, response, body, callId }))
      .catch((error: unknown) => sendFailure(response, error, (failure) => manners.failureBody(failure, callId)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the simulator has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    billed: () => book.billed(),
    clearBilled: () => book.clear(),
    setBehaviour: (behaviour) => knobs.set(behaviour),
    enqueueFaults: (faults) => knobs.enqueue(faults),
    callsInFlight: () => book.callsInFlight(),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const keepAliveMs = 72_000;

/** What is not a refusal is a bug of the simulator: said loudly, in the body. */
function sendFailure(response: ServerResponse, error: unknown, bodyOf: (failure: OciFailure) => object): void {
  if (response.destroyed) return;
  if (response.headersSent) return void response.destroy();
  const failure = error instanceof OciFailure ? error : new OciFailure(500, `Bug in the simulator: ${String(error)}`);
  const body = failure.html
    ? `<html>\r\n<head><title>${failure.status}</title></head>\r\n<body>${failure.message}</body>\r\n</html>\r\n`
    : JSON.stringify(bodyOf(failure));
  if (failure.retryAfterS !== undefined) response.setHeader('retry-after', String(failure.retryAfterS));
  response.writeHead(failure.status, {
    'content-type': failure.html ? 'text/html' : 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
