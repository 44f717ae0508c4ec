import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openNatsUsageLog, openNatsUsageSource } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openRedisAdmissionWitness } from '@sluice/shared/adapters/redis/redis-admission-witness.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { LoadBalances } from '@sluice/shared/ports/admission.ts';
import { endOf, plainEnv } from '../e2e/run-program.ts';
import { costOf, loadEvent } from '../load/usage-events.ts';
import { openService } from '../servers/service.ts';
import { openNatsServer } from '../servers/nats.ts';
import { openPostgresServer } from '../servers/postgres.ts';
import { openRedisServer } from '../servers/redis.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';

const calls = 50;
const unlimited = { tokenBudget: null, requestsPerMinute: null, tokensPerMinute: null, maxParallelRequests: null };
const onError = () => undefined;

test(
  'a ledger is killed that has booked calls while Redis was away: the next one ends their reservations, exactly',
  { skip: notOurs('REDIS_URL'), timeout: 120_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await openPostgresServer());
    const redis = stack.use(await openRedisServer({ keeps: true }));
    const natsServer = stack.use(await openNatsServer());
    const env = {
      ...plainEnv,
      DATABASE_URL: await postgres.createDatabase(),
      REDIS_URL: redis.url,
      NATS_URL: natsServer.url,
    };
    const migrated = await endOf('deploy/migrate/src/main.ts', [], env);
    assert.equal(migrated.code, 0, migrated.stderr);
    const startLedger = async () => stack.use(await openService('ledger', { env }));
    const sql = stack.use(await openPostgres({ url: env.DATABASE_URL, applicationName: 'test' }));
    const reports = createPostgresSpendReports(sql);
    const loadBalances: LoadBalances = (accounts) => reports.balancesOf(accounts);
    const admission = stack.use(await openRedisAdmission({ url: redis.url, loadBalances, lossGraceMs: 0 }));
    const witness = stack.use(await openRedisAdmissionWitness({ url: redis.url, onError }));
    const nats = stack.use(await openNats({ url: natsServer.url, name: 'test' }));
    const usage = stack.use(await openNatsUsageLog(nats));
    const source = stack.use(await openNatsUsageSource(nats, { onError }));

    const now = Date.now();
    const events = Array.from({ length: calls }, (_, n) => loadEvent(n, now));
    for (const event of events) await reserve(event);
    const first = await startLedger();
    await redis.kill('SIGKILL');
    for (const event of events) await usage.append(event);
    await waitUntil(async () => (await source.backlog()) === 0, { what: 'all is booked and acknowledged' });
    first.signal('SIGKILL');
    await first.exited;
    await redis.start();
    assert.equal((await waitUntil(() => witness.openCalls(), { what: 'Redis answers' })).length, calls);

    await startLedger();
    await waitUntil(async () => (await witness.openCalls()).length === 0, {
      what: 'no reservation is left',
      deadlineMs: 30_000,
    });
    const another = loadEvent(calls, now);
    const admitted = await reserve(another);
    const spent = events.reduce((sum, event) => sum + costOf(event), 0n);
    const proxy = admitted.accounts.find(({ accountKey }) => accountKey === 'proxy:all@0');
    assert.equal(BigInt(proxy?.settledNanoUsd ?? 0), spent);
    assert.equal(proxy?.reservedNanoUsd, admitted.reservedNanoUsd);
    const reconciled = await endOf('deploy/reconcile/src/main.ts', ['reconcile', '--verify'], env);
    assert.equal(reconciled.code, 0, `${reconciled.stdout}\n${reconciled.stderr}`);
    assert.match(reconciled.stdout, new RegExp(`${calls} booked \\+ 0 voided \\+ 0 expired \\+ 1 open; `));

    async function reserve({ callId, accounts, admittedAt }: UsageEvent) {
      const result = await admission.reserve({
        callId,
        accounts: accounts.map(({ id }) => ({ ...unlimited, id, windowStart: 0, budgetNanoUsd: 1e15 })),
        inputCostNanoUsd: 10_000_000,
        outputNanoUsdPerMillion: 0,
        inputTokensMax: 1,
        outputTokensCap: 0,
        outputTokensMin: 0,
        tokensEstimate: 1,
        admittedAt,
        now: Date.now(),
        expiresAt: Date.now() + 600_000,
      });
      assert.ok(result.type === 'admitted', result.type);
      return result;
    }
  },
);
