import assert from 'node:assert/strict';
import { waitUntil } from '../servers/wait-until.ts';
import { chat, costUsdOf, errorOf } from './ask.ts';
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
 * Waits until a chat is answered with this status. A change counts everywhere within a second (virtual-keys.ts holds it to
 * that): 0.5 s that what a key belongs to is remembered, and the requests of the test, which a busy machine answers late.
 */
export async function becomes(
  status: number,
  at: TestGateway,
  key: string,
  fields: Record<string, unknown> = {},
): Promise<void> {
  await waitUntil(async () => (await chat(at, key, fields)).status === status, {
    what: `status ${status}`,
    deadlineMs: 5_000,
  });
}

/**
 * Asks with all keys, at both ingresses, until the budget that they share is spent, for each of them and for that reason.
 *
 * @param holder whose it is, as refusals name it: `Team=<id>`
 * @returns what was spent, USD
 */
export async function spendAll(
  { here, there }: Pick<TwoIngresses, 'there'> & { readonly here: TestGateway },
  keys: readonly string[],
  holder: string,
): Promise<number> {
  let spent = 0;
  const isSpent = async () => {
    const replies = await Promise.all(keys.flatMap((key) => [here, there].map((at) => chat(at, key))));
    spent += replies.reduce((sum, reply) => sum + costUsdOf(reply), 0);
    return replies.every(({ status }) => status === 429);
  };
  await waitUntil(isSpent, { what: 'the budget is spent', deadlineMs: 20_000 });
  for (const key of keys) {
    const { type, message } = errorOf(await chat(there, key));
    assert.equal(type, 'budget_exceeded');
    assert.match(message, new RegExp(`^Budget has been exceeded! ${holder} Current cost: 0\\.0`));
  }
  return spent;
}

/** Two ingresses that suites use one after the other. */
export interface SharedIngresses {
  readonly open: () => Promise<TwoIngresses>;
}
