import { accountKey } from '../../contracts/account.ts';
import type {
  AccountLimits,
  AccountState,
  Balance,
  OverBudget,
  ReservationRequest,
  ReservationResult,
} from '../../ports/admission.ts';

const dayMs = 86_400_000;

/** @param serverTime '' for the server's own */
export function reserveArguments(request: ReservationRequest, serverTime: number | ''): (string | number)[] {
  return [
    request.callId,
    serverTime,
    request.expiresAt - request.now,
    request.inputCostNanoUsd,
    request.outputNanoUsdPerMillion,
    request.inputTokensMax,
    request.outputTokensCap,
    request.outputTokensMin,
    request.tokensEstimate,
    request.moneyOnly ? 1 : 0,
    request.admittedAt === undefined ? '' : Math.floor(request.admittedAt / dayMs),
    request.countedTokens ?? 'total',
    ...request.accounts.flatMap((account) => [
      accountKey(account),
      account.budgetNanoUsd ?? '',
      account.tokenBudget ?? '',
      account.requestsPerMinute ?? '',
      account.tokensPerMinute ?? '',
      account.maxParallelRequests ?? '',
    ]),
  ];
}

export function balanceArguments(balances: readonly Balance[]): (string | number)[] {
  return balances.flatMap((balance) => {
    const { settledNanoUsd, settledTokens, version } = balance;
    if (![settledNanoUsd, settledTokens, version].every(Number.isSafeInteger)) {
      throw new RangeError(`not a balance: ${settledNanoUsd}, ${settledTokens} tokens, version ${version}`);
    }
    return [accountKey(balance), settledNanoUsd, settledTokens, version];
  });
}

/** Words and integers; null for a limit that there is not. */
export type Reply = readonly (string | number | null)[];

/** What the reserve script answered, in the port's words. */
export function resultOf(request: ReservationRequest, reply: Reply): ReservationResult {
  const type = String(reply[0]);
  const values = reply.slice(1);
  const accountKeyAt = (position: Reply[number] | undefined) => accountKey(accountAt(request, position));
  switch (type) {
    case 'admitted':
      return {
        type,
        outputTokensCap: integer(values[0]),
        reservedNanoUsd: integer(values[1]),
        accounts: request.accounts.map((account, index) =>
          stateOf(account, values.slice(2 + 8 * index, 10 + 8 * index), request.now),
        ),
      };
    case 'wait':
      return { type, accountKey: accountKeyAt(values[0]) };
    case 'over-budget':
      return overBudget(accountKeyAt(values[0]), values.slice(1));
    case 'rate-limited':
      return {
        type,
        accountKey: accountKeyAt(values[0]),
        limitType: limitType(values[1]),
        limit: integer(values[2]),
        remaining: integer(values[3]),
        needed: integer(values[4]),
        resetsAt: request.now + integer(values[5]),
      };
    default:
      throw new Error(`the reserve script answered ${reply.join(' ')}`);
  }
}

/** @param position as the script counts, from 1 */
export function accountAt(request: ReservationRequest, position: Reply[number] | undefined): AccountLimits {
  const account = request.accounts[integer(position) - 1];
  if (!account) throw new Error(`the reserve script named account ${position} of ${request.accounts.length}`);
  return account;
}

function overBudget(key: string, [word, settled, budget, needed]: Reply): OverBudget {
  const numbers = [integer(settled), integer(budget), integer(needed)] as const;
  const type = 'over-budget';
  const measure = String(word);
  switch (measure) {
    case 'money': {
      const [settledNanoUsd, budgetNanoUsd, neededNanoUsd] = numbers;
      return { type, measure, accountKey: key, settledNanoUsd, budgetNanoUsd, neededNanoUsd };
    }
    case 'tokens': {
      const [settledTokens, tokenBudget, neededTokens] = numbers;
      return { type, measure, accountKey: key, settledTokens, tokenBudget, neededTokens };
    }
    default:
      throw new Error(`the reserve script named a measure ${measure}`);
  }
}

function stateOf(account: AccountLimits, values: Reply, now: number): AccountState {
  return {
    accountKey: accountKey(account),
    settledNanoUsd: integer(values[0]),
    reservedNanoUsd: integer(values[1]),
    settledTokens: integer(values[2]),
    reservedTokens: integer(values[3]),
    requestsRemaining: values[4] === null ? null : integer(values[4]),
    tokensRemaining: values[5] === null ? null : integer(values[5]),
    parallelRequestsRemaining: values[6] === null ? null : integer(values[6]),
    windowResetsAt: now + integer(values[7]),
  };
}

const limitTypes = ['requests', 'tokens', 'max_parallel_requests'] as const;

function limitType(value: Reply[number] | undefined): (typeof limitTypes)[number] {
  const found = limitTypes.find((type) => type === value);
  if (!found) throw new Error(`the reserve script named a limit ${value}`);
  return found;
}

function integer(value: Reply[number] | undefined): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new Error(`the reserve script answered ${value} for a number`);
  return value;
}
