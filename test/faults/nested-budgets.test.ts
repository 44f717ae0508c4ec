import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { Redis } from 'ioredis';
import { openRedisServer } from '../servers/redis.ts';
import { accountFor, countersOf, describe, newCallId, openClients, takes, TestBooks } from './admission-clients.ts';
import type { AdmissionClient } from './admission-clients.ts';
import { fitting, nestedBudgets } from './nested-budgets.ts';
import type { NestedCall } from './nested-budgets.ts';
import { createRandom } from './random.ts';

const shape = { teams: 5, keysPerTeam: 4, calls: 1_000 };
const ingresses = 3;
const leastServed = 0.95;

const price = { inputNanoUsdPerMillion: 2_500_000_000, outputNanoUsdPerMillion: 10_000_000_000 };
const free = { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0 };

interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const measures = {
  money: {
    price,
    costOf: (used: Used) => callCostNanoUsd(used, price),
    limits: (budget: number) => ({ budgetNanoUsd: budget }),
  },
  tokens: {
    price: free,
    costOf: (used: Used) => used.inputTokens + used.outputTokens,
    limits: (budget: number) => ({ tokenBudget: budget }),
  },
} as const;

let server: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  server = await openRedisServer();
});
after(() => server[Symbol.asyncDispose]());

for (const [measure, { price: modelPrice, costOf, limits }] of Object.entries(measures)) {
  const title =
    `${shape.calls} calls at once over ${shape.teams * shape.keysPerTeam} keys of ${shape.teams} teams of one organization, ` +
    `budgets in ${measure}: no budget is passed, and at least ${leastServed * 100} % of what fits is served`;
  test(title, async (t) => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
    t.diagnostic(`seed ${seed} (SLUICE_SEED repeats it)`);
    const scenario = nestedBudgets(createRandom(seed), { ...shape, costOf });
    const books = new TestBooks();
    await using opened = await openClients(ingresses, {
      url: server.url,
      loadBalances: books.load,
      timeoutMs: 5_000,
      lossGraceMs: 0, // this Redis is new
    });
    const redis = new Redis(server.url);
    using _ = { [Symbol.dispose]: () => redis.disconnect() };

    const organization = accountFor('organization', limits(scenario.organization.budget));
    const teams = scenario.teams.map(({ id, budget }) => accountFor(id, limits(budget)));
    const keys = scenario.keys.map(({ id, budget }) => accountFor(id, limits(budget)));
    const all = [organization, ...teams, ...keys];
    const accountsOf = ({ key }: NestedCall): AccountLimits[] => {
      const team = teams[scenario.keys[key]?.team ?? -1];
      const account = keys[key];
      assert.ok(team && account);
      return [account, team, organization];
    };

    let served = 0;
    let answered = 0;
    let clamped = 0;
    let checks = 0;
    let wholeCheck: Promise<void> | undefined;
    const refusals: Record<string, number> = {};
    const beganAt = performance.now();

    await Promise.all(
      scenario.calls.map(async (call, index) => {
        const client = opened.clients[index % ingresses];
        assert.ok(client);
        const accounts = accountsOf(call);
        try {
          const used = await serve(client, call, accounts);
          served += costOf(used);
          answered += 1;
          if (used.outputTokensCap < call.outputTokensCap) clamped += 1;
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          refusals[error.code] = (refusals[error.code] ?? 0) + 1;
        }
      }),
    );

    await books.assertWithin(redis, all);
    const fits = fitting(scenario, costOf);
    const ratio = served / fits;
    t.diagnostic(
      `${answered} answered (${clamped} with a lowered cap), refused ${JSON.stringify(refusals)}; served ${served} of ` +
        `${fits} that fit: ${(100 * ratio).toFixed(2)} %; ${checks} looks at the counters; ` +
        `${Math.round(performance.now() - beganAt)} ms`,
    );
    assert.deepEqual(Object.keys(refusals), ['budget_exceeded'], 'nobody is refused for anything else');
    assert.ok(ratio >= leastServed, `${ratio} of what fits was served`);
    const settled = all.map((account) => books.balance(account));
    assert.deepEqual(
      await countersOf(redis, all),
      settled.map(({ settledNanoUsd, settledTokens }) => {
        return { settledNanoUsd, reservedNanoUsd: 0, settledTokens, reservedTokens: 0, parallel: 0 };
      }),
      'nothing stays reserved, and the counters say what the books say',
    );

    /** As a request goes: let in, called, shrunk by the worker, booked and settled by the ledger. */
    async function serve({ admission, admit }: AdmissionClient, call: NestedCall, accounts: AccountLimits[]) {
      const callId = newCallId();
      const { outputTokensCap } = await admit(
        {
          callId,
          accounts,
          inputCostNanoUsd: callCostNanoUsd({ inputTokens: call.inputTokensMax, outputTokens: 0 }, modelPrice),
          inputTokensMax: call.inputTokensMax,
          outputNanoUsdPerMillion: modelPrice.outputNanoUsdPerMillion,
          outputTokensCap: call.outputTokensCap,
          outputTokensMin: 1,
          tokensEstimate: call.inputTokens + call.outputTokensCap,
          expiresAt: Date.now() + 600_000,
        },
        { signal: new AbortController().signal, deadlineAt: Date.now() + 90_000, describe },
      );
      await takes(call.durationMs);
      const used = { inputTokens: call.inputTokens, outputTokens: Math.min(call.outputTokens, outputTokensCap) };
      const actual = {
        costNanoUsd: callCostNanoUsd(used, modelPrice),
        tokens: used.inputTokens + used.outputTokens,
      };
      await admission.shrink(callId, actual);
      const settlement = { callIds: [callId], balances: books.book(callId, accounts, actual) };
      await checkBudgets(accounts);
      await admission.settle(settlement);
      return { ...used, outputTokensCap };
    }

    /** The organization has all open calls: who asks while it is looked at waits for that look. */
    async function checkBudgets(accounts: readonly AccountLimits[]): Promise<void> {
      checks += 1;
      wholeCheck ??= books.assertWithin(redis, [organization]).finally(() => (wholeCheck = undefined));
      await Promise.all([wholeCheck, books.assertWithin(redis, accounts.slice(0, 2))]);
    }
  });
}
