import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openNatsUsageLog } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { z } from 'zod';
import { assertBalanced } from '../../services/ledger/test/assert-balanced.ts';
import { openDistributedGateway } from '../e2e/gateway.ts';
import { endOf } from '../e2e/run-program.ts';
import { balanceUsd, spendRows } from '../faults/books.ts';
import { costOf } from '../load/usage-events.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { hashOf, makeOldDatabase, oldKeys, reservationOf, reserveAsBefore, reservedNanoUsd } from './old-database.ts';
import { openOldLoad, type OldLoad } from './old-load.ts';
import { insertKeyAsBefore } from './old-release.ts';

/** More of them show how long bookings wait at the most when a table is big. */
const oldRows = Number(process.env['SLUICE_UPGRADE_ROWS'] ?? 20_000);
const answered = 20;
/** Of a program that reads all rows. */
const timeoutMs = 120_000;

test(
  'the release before is upgraded under its own load: no statement fails, no row is lost, and old and new books agree',
  { timeout: 600_000 },
  async (t) => {
    await using stack = new AsyncDisposableStack();
    let made = 0;
    let load: OldLoad | undefined;
    const startedWith = { booked: 0 };
    let running: Awaited<ReturnType<typeof reserveAsBefore>> | undefined;
    const gateway = stack.use(
      await openDistributedGateway({
        ownPostgres: true,
        async beforeMigration({ databaseUrl, redisUrl }) {
          made = await makeOldDatabase(databaseUrl, oldRows);
          running = await reserveAsBefore(redisUrl);
          const opened = stack.use(await openOldLoad(databaseUrl, [hashOf(oldKeys.steady)]));
          await waitUntil(() => opened.booked > 500, { what: 'the old ledgers book', deadlineMs: 30_000 });
          startedWith.booked = opened.booked;
          load = opened;
        },
      }),
    );
    assert.ok(load && running);
    t.diagnostic(`${load.booked - startedWith.booked} calls booked by the old release from migration to start`);

    // New processes beside the old ones, with the keys of old.
    const ask = (key: string) =>
      gateway.client(key).chat.completions.create({ model: 'llama', messages: [{ role: 'user', content: 'Hello.' }] });
    await Promise.all(Array.from({ length: answered }, () => ask(oldKeys.steady)));
    for (const key of [oldKeys.spent, oldKeys.windowed]) {
      await assert.rejects(ask(key), { status: 429, type: 'budget_exceeded' }, 'what was spent before counts');
    }
    // A key that an ingress of the old release makes now works at the new ones.
    await using oldIngress = await openPostgres({ url: gateway.databaseUrl, applicationName: 'old-release' });
    await insertKeyAsBefore(oldIngress, { hash: hashOf(oldKeys.made), maxBudgetNanoUsd: 1e9, createdAt: new Date() });
    await ask(oldKeys.made);
    await ask(oldKeys.reserved);
    const open = await reservationOf(gateway.servers.redis.url, running);
    assert.ok(open.isOpen && open.nanoUsd >= reservedNanoUsd, 'what the old release has reserved counts');

    // The running call ends: its old worker reports it, and the new ledger settles it.
    const nats = stack.use(await openNats({ url: gateway.servers.nats.url, name: 'old-worker' }));
    await (await openNatsUsageLog(nats)).append(running);
    const { callId } = running;
    const ended = running;
    await waitUntil(async () => !(await reservationOf(gateway.servers.redis.url, ended)).isOpen, {
      what: `${callId} is settled`,
    });

    const beside = load.booked;
    await waitUntil(() => load !== undefined && load.booked > beside + 500, {
      what: 'the old ledgers go on beside the new',
      deadlineMs: 60_000,
    });
    await load.stop();
    assert.deepEqual(load.failures, []);
    for (const [what, ms] of load.longestMs) t.diagnostic(`longest ${what}: ${ms.toFixed(0)} ms`);
    t.diagnostic(`${load.statements} statements of the old release, ${load.booked} calls booked`);

    const sql = stack.use(
      await openPostgres({ url: gateway.databaseUrl, applicationName: 'test', statementTimeoutMs: 120_000 }),
    );
    // As the old ledgers tell admission.
    const reports = createPostgresSpendReports(sql);
    const admission = stack.use(
      await openRedisAdmission({
        url: gateway.servers.redis.url,
        loadBalances: (accounts) => reports.balancesOf(accounts),
      }),
    );
    const steady = { id: `key:${hashOf(oldKeys.steady)}`, windowStart: 0 };
    await admission.settle({ calls: [], balances: await reports.balancesOf([steady]) });

    const query = async (text: string) =>
      z.array(z.record(z.string(), z.unknown())).parse((await sql.query(text)).rows);
    const expected = made + load.booked + 1 + answered + 2;
    const count = `select count(*)::int as rows from ledger.spend_rows
      where not ledger.was_refused(attempt, outcome, error_code)`;
    await waitUntil(async () => assert.deepEqual(await query(count), [{ rows: expected }]) ?? true, {
      what: 'every call is booked',
    });
    await assertBalanced({ query });

    const rows = await spendRows(gateway, oldKeys.steady);
    const usd = rows.reduce((sum, { spend }) => sum + Math.round(spend * 1e9), 0);
    assert.equal(Math.round((await balanceUsd(gateway, oldKeys.steady)) * 1e9), usd, 'spend is what the rows say');
    assert.ok(BigInt(usd) > (load.spent.get(hashOf(oldKeys.steady)) ?? 0n), 'old and new calls');
    assert.equal(Math.round((await balanceUsd(gateway, oldKeys.reserved)) * 1e9) > Number(costOf(ended)), true);

    const period = ['--from', new Date(Date.now() - 100 * 86_400_000).toISOString().slice(0, 10)];
    const verified = await endOf('deploy/reconcile/src/main.ts', ['verify', ...period], gateway.env, { timeoutMs });
    assert.equal(verified.code, 0, `${verified.stdout}\n${verified.stderr}`);
    assert.match(verified.stdout, /The chain fits/);
    const reconciled = await endOf('deploy/reconcile/src/main.ts', ['reconcile', ...period], gateway.env, {
      timeoutMs,
    });
    assert.equal(reconciled.code, 0, `${reconciled.stdout}\n${reconciled.stderr}`);
  },
);
