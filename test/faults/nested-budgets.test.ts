import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { chat, errorOf } from '../e2e/ask.ts';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway, TestGateway } from '../e2e/gateway.ts';
import { countTokens, messageOverheadTokens } from '../oci-simulator/tokens.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { countersOf } from './admission-clients.ts';
import { costOfBilled } from './books.ts';
import { callsOf, fitting, nestedBudgets } from './nested-budgets.ts';
import type { CostOf, Holder, NestedCall, NestedShape } from './nested-budgets.ts';
import { makeHolders } from './nested-holders.ts';
import { createRandom } from './random.ts';

const ingresses = 3;
/** 1,000 calls over 20 keys of 10 members of 5 teams. */
const size = { keys: 20, callsPerKey: 50 };
const teams = [
  { kind: 'member', of: 2 },
  { kind: 'team', of: 2 },
];
const asked = size.keys * size.callsPerKey;
const leastServed = 0.95;
const upstream = 'meta.llama-3.3-70b-instruct';

interface Measure {
  readonly model: string;
  readonly levels: NestedShape['levels'];
  readonly costOf: CostOf;
  /** A budget as requests and rows have it. */
  readonly field: (amount: number) => Record<string, unknown>;
  readonly column: (amount: number) => Record<string, number>;
  readonly booked: 'settled_nano_usd' | 'settled_tokens';
}

const measures: Readonly<Record<string, Measure>> = {
  money: {
    model: 'llama',
    levels: [...teams, { kind: 'organization', of: 3 }, { kind: 'proxy', of: 2 }],
    costOf: ({ inputTokens, outputTokens }) =>
      costOfBilled({ model: upstream, promptTokens: inputTokens, completionTokens: outputTokens, cachedTokens: 0 }),
    field: (amount) => ({ max_budget: amount / 1e9 }),
    column: (amount) => ({ maxBudgetNanoUsd: amount }),
    booked: 'settled_nano_usd',
  },
  // Of a model that costs nothing: it is not what the tokens cost that is counted.
  tokens: {
    model: 'free',
    levels: [...teams, { kind: 'organization', of: 5 }],
    costOf: ({ inputTokens, outputTokens }) => inputTokens + outputTokens,
    field: (amount) => ({ max_token_budget: amount }),
    column: (amount) => ({ maxTokenBudget: amount }),
    booked: 'settled_tokens',
  },
};

const Balances = z.array(
  z.object({ account_id: z.string(), settled_nano_usd: z.coerce.number(), settled_tokens: z.coerce.number() }),
);
const Answer = z.object({ id: z.string() });

describe(`${asked} calls at once, over HTTP at ${ingresses} ingresses`, () => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
  const random = createRandom(seed);
  const scenarios = new Map(
    Object.entries(measures).map(([name, { levels, costOf }]) => [
      name,
      nestedBudgets(random, { ...size, levels, costOf }),
    ]),
  );
  const resources = new AsyncDisposableStack();
  let gateway: DistributedGateway;
  let doors: readonly TestGateway[];
  let sql: SqlPool;
  let redis: Redis;

  before(async () => {
    gateway = resources.use(
      await openDistributedGateway({
        models: { free: { model: `oci/${upstream}`, input_cost_per_token: 0, output_cost_per_token: 0 } },
        config: { litellm_settings: { max_budget: (scenarios.get('money')?.budget ?? 0) / 1e9 } },
      }),
    );
    const others = await Promise.all(Array.from({ length: ingresses - 1 }, () => gateway.startIngress()));
    doors = [
      gateway,
      ...others.map(({ url }): TestGateway => ({ ...gateway, request: (path, init) => fetch(`${url}${path}`, init) })),
    ];
    sql = resources.use(await openPostgres({ url: gateway.databaseUrl, applicationName: 'test' }));
    redis = resources.adopt(new Redis(gateway.servers.redis.url), (client) => client.disconnect());
  });
  after(() => resources.disposeAsync());

  for (const [name, measure] of Object.entries(measures)) {
    const title =
      `nested budgets in ${name}, of keys, members, teams, ${measure.levels
        .slice(2)
        .map(({ kind }) => kind)
        .join(', ')}: by the provider's bill ` +
      `no budget is passed, and at least ${leastServed * 100} % of what fits is served`;
    test(title, async (t) => {
      t.diagnostic(`seed ${seed} (SLUICE_SEED repeats it)`);
      const { costOf } = measure;
      const all = scenarios.get(name);
      assert.ok(all);
      const { secrets, ids } = await makeHolders(all, { gateway, sql, prefix: name, ...measure });
      gateway.simulator.clearBilled();
      const beganAt = performance.now();

      const spent = new Map<Holder, number>();
      const answers = new Map<string, { call: NestedCall; budgets: readonly Holder[] }>();
      const refusals: Record<string, number> = {};
      const again: Record<string, number> = {};
      await Promise.all(
        callsOf(all).map(async ({ call, key, budgets }, index) => {
          const [door, secret] = [doors[index % ingresses], secrets.get(key)];
          assert.ok(door && secret !== undefined);
          // As a client does that is told to try again: beside other work a dependency may be too slow for the gateway.
          const decided = async () => {
            const reply = await chat(door, secret, requestFor(call, measure.model));
            if (reply.status !== 503) return reply;
            const { message } = errorOf(reply);
            again[message] = (again[message] ?? 0) + 1;
            return null;
          };
          const reply = await waitUntil(decided, { what: 'a decision', deadlineMs: 60_000 });
          if (reply.status === 200) {
            answers.set(Answer.parse(JSON.parse(reply.text)).id, { call, budgets });
          } else {
            const { type } = errorOf(reply);
            refusals[type] = (refusals[type] ?? 0) + 1;
          }
        }),
      );
      const tookMs = Math.round(performance.now() - beganAt);

      const billed = gateway.simulator.billed();
      let lowered = 0;
      for (const bill of billed) {
        const answer = answers.get((bill.clientRequestId ?? '').replace(/:1\.[0-9a-f]{8}$/, ''));
        assert.ok(answer, `nobody has the answer of ${bill.clientRequestId}`);
        const { call, budgets } = answer;
        assert.equal(bill.promptTokens, call.inputTokens);
        assert.ok(bill.completionTokens <= call.outputTokens);
        if (bill.completionTokens < call.outputTokens) lowered += 1;
        const cost = costOf({ inputTokens: bill.promptTokens, outputTokens: bill.completionTokens });
        for (const holder of budgets) spent.set(holder, (spent.get(holder) ?? 0) + cost);
      }
      assert.equal(billed.length, answers.size, 'one bill for each answer');

      const full = [...spent].filter(([holder, amount]) => amount >= leastServed * holder.budget);
      const served = spent.get(all) ?? 0;
      const ratio = served / fitting(all, costOf);
      t.diagnostic(
        `${answers.size} answered (${lowered} cut at a lowered cap), refused ${JSON.stringify(refusals)}, told to try again ${JSON.stringify(again)}; ` +
          `${(100 * ratio).toFixed(2)} % of what fits; used up: ${full.map(([holder]) => holder.name).join(' ')}; ${tookMs} ms`,
      );
      for (const [holder, amount] of spent)
        assert.ok(amount <= holder.budget, `${holder.name}: ${amount} of ${holder.budget}`);
      assert.deepEqual(Object.keys(refusals), ['budget_exceeded'], 'nobody is refused for anything else');
      assert.ok(ratio >= leastServed, `${ratio} of what fits was served`);

      const accounts = [...spent].map(([holder, amount]) => ({ id: ids.get(holder) ?? '', windowStart: 0, amount }));
      const agree = async () => {
        const reserved = (await countersOf(redis, accounts)).map((counters) => [
          counters.reservedNanoUsd,
          counters.reservedTokens,
          counters.parallel,
        ]);
        assert.deepEqual(reserved.flat(), Array.from({ length: 3 * accounts.length }).fill(0), 'nothing is reserved');
        const booked = await bookedOn(
          accounts.map(({ id }) => id),
          measure.booked,
        );
        assert.deepEqual(booked, new Map(accounts.map(({ id, amount }) => [id, amount])));
        return true;
      };
      await waitUntil(agree, { what: 'books and counters to say what the bill says' });
    });
  }

  async function bookedOn(ids: readonly string[], column: Measure['booked']): Promise<Map<string, number>> {
    const { rows } = await sql.query('select * from ledger.account_balances where account_id = any($1)', [ids]);
    return new Map(Balances.parse(rows).map((row) => [row.account_id, row[column]]));
  }
});

/** A prompt of so many tokens as the call has, and what the provider is to do with it. */
function requestFor({ inputTokens, outputTokens, outputTokensCap, durationMs }: NestedCall, model: string) {
  const directive = ` #sim ${JSON.stringify({ outputTokens, delayMs: durationMs })}`;
  const words = inputTokens - messageOverheadTokens - countTokens(directive);
  return {
    model,
    messages: [{ role: 'user', content: `${' word'.repeat(words)}${directive}` }],
    max_tokens: outputTokensCap,
  };
}
