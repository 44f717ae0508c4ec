import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { insertBudgetAlert } from '../../src/sql/insert-budget-alert.ts';
import { accountNames } from '../../src/tenancy/account-name.ts';
import type { RequestAccount } from '../../src/tenancy/holder-accounts.ts';
import { createWatchSoftBudgets } from '../../src/tenancy/soft-budgets.ts';
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

const settled = (settledNanoUsd: number) => ({
  accountKey: '',
  settledNanoUsd,
  reservedNanoUsd: 0,
  settledTokens: 0,
  reservedTokens: 0,
  requestsRemaining: null,
  tokensRemaining: null,
  parallelRequestsRemaining: null,
  windowResetsAt: 0,
});

/** A process that watches, and the alerts that it raised. */
function openWatch(insertAlert = (alert: Parameters<typeof insertBudgetAlert>[1]) => insertBudgetAlert(sql, alert)) {
  const raised: string[] = [];
  const watch = createWatchSoftBudgets({
    insertAlert,
    metrics: { softBudgetReached: ({ kind }) => void raised.push(kind) },
    log: silentLogger,
    now: () => 1_000,
  });
  return { watch, raised };
}

test('soft budgets: one alert for each account, window and amount, whoever notices and however often', async () => {
  const processes = [openWatch(), openWatch()];
  const raised = () => processes.flatMap((process) => process.raised);
  for (const { watch } of [...processes, ...processes]) {
    watch([account('a', 0, 5), account('b', 0, 5), account('c', 0, null)], [settled(5), settled(4), settled(99)]);
  }
  await waitUntil(() => raised().length === 1, { what: 'the alert' });
  for (const { watch } of processes) watch([account('a', 0, 5), account('a', 60_000, 5)], [settled(9), settled(5)]);
  await waitUntil(() => raised().length === 2, { what: "the next window's" });
  for (const { watch } of processes) watch([account('a', 0, 6)], [settled(9)]);
  await waitUntil(() => raised().length === 3, { what: 'the one for another amount' });
  const { rows } = await sql.query('select account_id from ingress.budget_alerts');
  assert.equal(rows.length, 3);
  assert.deepEqual(raised(), ['team', 'team', 'team']);
});

test('soft budgets: an alert that could not be recorded is tried again', async () => {
  let tries = 0;
  const { watch, raised } = openWatch(async () => {
    tries += 1;
    if (tries === 1) throw new Error('connection refused');
    return true;
  });
  await waitUntil(
    () => {
      watch([account('z', 0, 1)], [settled(1)]);
      return raised.length === 1;
    },
    { what: 'the alert' },
  );
  assert.equal(tries, 2);
});
