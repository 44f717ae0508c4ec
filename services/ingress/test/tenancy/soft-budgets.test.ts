import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { insertBudgetAlert } from '../../src/sql/insert-budget-alert.ts';
import { accountNames } from '../../src/tenancy/account-name.ts';
import type { RequestAccount } from '../../src/tenancy/holder-accounts.ts';
import { openSoftBudgetWatch } from '../../src/tenancy/soft-budgets.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

let sql: SqlPool & AsyncDisposable;
before(async () => {
  sql = await openKeysDatabase();
});
after(() => sql[Symbol.asyncDispose]());

const none = {
  budgetNanoUsd: null,
  tokenBudget: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxParallelRequests: null,
};

function account(teamId: string, windowStart: number, softBudgetNanoUsd: number | null): RequestAccount {
  const limits = { id: `team:${teamId}`, windowStart, ...none };
  return { limits, name: accountNames.team(teamId), softBudgetNanoUsd, waivedNanoUsd: 0, isMain: true };
}

interface Watching {
  readonly insertAlert?: Parameters<typeof openSoftBudgetWatch>[0]['insertAlert'];
  readonly booked: Map<string, number>;
}

/** A process that watches, and the alerts that it raised. */
function openWatch({ booked, insertAlert = (alert) => insertBudgetAlert(sql, alert) }: Watching) {
  const raised: string[] = [];
  let looks = 0;
  const watch = openSoftBudgetWatch({
    reports: {
      balancesOf: async (accounts) => {
        looks += 1;
        return accounts.map(({ id, windowStart }) => {
          return { id, windowStart, settledNanoUsd: booked.get(id) ?? 0, settledTokens: 0, version: 1 };
        });
      },
    },
    insertAlert,
    metrics: { softBudgetReached: ({ kind }) => void raised.push(kind) },
    log: silentLogger,
    now: Date.now,
    lookEveryMs: 1,
  });
  return {
    ended: (accounts: readonly RequestAccount[]) => watch.ended(accounts),
    raised,
    looks: () => looks,
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}

test('soft budgets: one alert for each account, window and amount, whoever notices and however often', async () => {
  const booked = new Map([
    ['team:a', 5],
    ['team:b', 4],
    ['team:c', 99],
  ]);
  await using one = openWatch({ booked });
  await using other = openWatch({ booked });
  const processes = [one, other];
  const raised = () => processes.flatMap((process) => process.raised);
  for (const { ended } of [...processes, ...processes]) {
    ended([account('a', 0, 5), account('b', 0, 5), account('c', 0, null)]);
  }
  await waitUntil(() => raised().length === 1, { what: 'the alert' });
  for (const { ended } of processes) ended([account('a', 0, 5), account('a', 60_000, 5)]);
  await waitUntil(() => raised().length === 2, { what: "the next window's" });
  booked.set('team:a', 9);
  for (const { ended } of processes) ended([account('a', 0, 6)]);
  await waitUntil(() => raised().length === 3, { what: 'the one for another amount' });
  const { rows } = await sql.query('select account_id from ingress.budget_alerts');
  assert.equal(rows.length, 3);
  assert.deepEqual(raised(), ['team', 'team', 'team']);
});

test('soft budgets: what is booked long after the request has ended is noticed without another request', async () => {
  const booked = new Map<string, number>();
  await using watch = openWatch({ booked });
  watch.ended([account('late', 0, 5)]);
  await waitUntil(() => watch.looks() >= 3, { what: 'looks in vain' });
  assert.deepEqual(watch.raised, []);
  booked.set('team:late', 5);
  await waitUntil(() => watch.raised.length === 1, { what: 'the alert' });
});

test('soft budgets: an alert that could not be recorded is tried again', async () => {
  let tries = 0;
  await using watch = openWatch({
    booked: new Map([['team:z', 1]]),
    insertAlert: async () => {
      tries += 1;
      if (tries === 1) throw new Error('connection refused');
      return true;
    },
  });
  watch.ended([account('z', 0, 1)]);
  await waitUntil(() => watch.raised.length === 1, { what: 'the alert' });
  assert.equal(tries, 2);
});
