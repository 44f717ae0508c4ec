import { accountKey } from '../contracts/account.ts';
import type { Account } from '../contracts/account.ts';
import type { Balance, LoadBalances } from '../ports/admission.ts';
import { withTimeLimit } from '../time-limit.ts';

/** Accounts per reading; what is more waits for the reading after it. */
const accountsMax = 500;

interface Reading {
  readonly accounts: Map<string, Account>;
  readonly balances: PromiseWithResolvers<readonly Balance[]>;
}

/**
 * Reads the books at most once at a time. Who asks while a reading runs shares the next one, never the running one:
 * that may have missed what was booked before the question. A crowd that brings a new key makes few readings.
 *
 * @throws GatewayError dependency_unavailable after `timeoutMs`
 */
export function shareLoadBalances(loadBalances: LoadBalances, timeoutMs: number): LoadBalances {
  const waiting: Reading[] = [];
  let running = false;

  return async (accounts) => {
    let reading = waiting.at(-1);
    if (!reading || reading.accounts.size + accounts.length > accountsMax) {
      reading = { accounts: new Map(), balances: Promise.withResolvers() };
      waiting.push(reading);
    }
    for (const account of accounts) reading.accounts.set(accountKey(account), account);
    const { balances } = reading;
    if (!running) void readWaiting();
    const wanted = new Set(accounts.map(accountKey));
    return (await balances.promise).filter((balance) => wanted.has(accountKey(balance)));
  };

  async function readWaiting(): Promise<void> {
    running = true;
    for (let reading = waiting.shift(); reading; reading = waiting.shift()) {
      const load = loadBalances([...reading.accounts.values()]);
      await withTimeLimit('books', timeoutMs, load).then(reading.balances.resolve, reading.balances.reject);
    }
    running = false;
  }
}
