import { openNatsUsageSource } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openRedisAdmissionWitness } from '@sluice/shared/adapters/redis/redis-admission-witness.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { startProcess } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import type { LoadBalances } from '@sluice/shared/ports/admission.ts';
import { assertSchema } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { openStatusServer } from '@sluice/shared/status-server.ts';
import { version } from '@sluice/shared/version.ts';
import { createPostgresBooks } from './books.ts';
import { watchLedger } from './ledger-metrics.ts';
import { openLedger } from './ledger.ts';
import { watchReconciler } from './reconciliation/reconciler-metrics.ts';
import { openReconciler } from './reconciliation/reconciler.ts';

/** A day's rows are read in one statement. */
const reconcilingTimeLimitMs = 600_000;

const { config, log } = await startProcess(process.env, {
  service: 'ledger',
  defaultPort: 4002,
  needs: { models: 'none', masterKey: false, files: false },
});
const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');

await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
const telemetry = resources.use(await openTelemetry({ service: 'sluice-ledger', env: process.env }));
const sql = resources.use(
  await openPostgres({ url: config.databaseUrl, max: 4, applicationName: 'sluice-ledger', onError }),
);
await assertSchema(sql, [schemas.ledger]);
const reports = createPostgresSpendReports(sql);
const loadBalances: LoadBalances = (accounts) => reports.balancesOf(accounts);
const admission = resources.use(await openRedisAdmission({ url: config.redisUrl, loadBalances, onError }));
const nats = resources.use(await openNats({ url: config.natsUrl, name: 'sluice-ledger' }));
const usage = resources.use(await openNatsUsageSource(nats, { onError }));
const status = resources.use(
  await openStatusServer({
    ...config,
    pings: {
      postgres: () => sql.query('select 1'),
      usage: () => usage.ping(),
      admission: () => admission.ping(),
    },
    metrics: () => telemetry.prometheusText(),
  }),
);
const retention = config.gateway.spendLogsRetention;
const ledger = resources.use(await openLedger({ books: createPostgresBooks(sql), usage, admission, retention, log }));
watchLedger(telemetry.meter, ledger, usage);
const reconciling = resources.use(
  await openPostgres({
    url: config.databaseUrl,
    max: 1,
    applicationName: 'sluice-reconcile',
    onError,
    statementTimeoutMs: reconcilingTimeLimitMs,
  }),
);
const witness = resources.use(await openRedisAdmissionWitness({ url: config.redisUrl, onError }));
const intervalMs = config.gateway.sluice.reconcileIntervalMs;
const reconciler = resources.use(openReconciler({ sql: reconciling, witness, usage, now: Date.now, log, intervalMs }));
watchReconciler(telemetry.meter, reconciler);
log.info({ port: status.port, version }, 'ledger is booking');

const signal = await untilSignal({ deadlineMs: config.gateway.sluice.drainMs });
log.info({ signal }, 'ledger is closing its books');
