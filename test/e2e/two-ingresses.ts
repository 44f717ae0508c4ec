import { waitUntil } from '../servers/wait-until.ts';
import { chat } from './ask.ts';
import { openDistributedGateway } from './gateway.ts';
import type { DistributedGateway, GatewayOptions, TestGateway } from './gateway.ts';

/** One gateway with two ingresses: what is done at one has to count at the other. */
export interface TwoIngresses extends AsyncDisposable {
  readonly here: DistributedGateway;
  /** The same gateway, asked at its other ingress. */
  readonly there: TestGateway;
}

export async function openTwoIngresses(options: GatewayOptions = {}): Promise<TwoIngresses> {
  await using stack = new AsyncDisposableStack(); // a start that fails leaves nothing behind
  const here = stack.use(await openDistributedGateway(options));
  const other = await here.startIngress();
  const there = { ...here, request: (path: string, init?: RequestInit) => fetch(`${other.url}${path}`, init ?? {}) };
  const opened = stack.move();
  return { here, there, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/**
 * Waits until a chat is answered with this status. A change counts everywhere within a second: 0.5 s that what a key
 * belongs to is remembered, and the requests of the test.
 */
export async function becomes(
  status: number,
  at: TestGateway,
  key: string,
  fields: Record<string, unknown> = {},
): Promise<void> {
  await waitUntil(async () => (await chat(at, key, fields)).status === status, {
    what: `status ${status}`,
    deadlineMs: 1_500,
  });
}

/** Two ingresses that suites use one after the other. */
export interface SharedIngresses {
  readonly open: () => Promise<TwoIngresses>;
}
