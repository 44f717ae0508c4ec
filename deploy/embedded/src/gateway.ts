import { openBatchRunner } from '@sluice/ingress/batches/batch-runner.ts';
import { openIngress } from '@sluice/ingress/ingress.ts';
import type { Ingress } from '@sluice/ingress/ingress.ts';
import { watchLedger } from '@sluice/ledger/ledger-metrics.ts';
import { createPostgresBooks } from '@sluice/ledger/books.ts';
import { openLedger } from '@sluice/ledger/ledger.ts';
import { watchReconciler } from '@sluice/ledger/reconciliation/reconciler-metrics.ts';
import { openReconciler } from '@sluice/ledger/reconciliation/reconciler.ts';
import { openPostgresBackend } from '@sluice/shared/adapters/bullmq/backend.ts';
import { createFirstUses } from '@sluice/shared/adapters/bullmq/first-uses.ts';
import { openBullJobQueue } from '@sluice/shared/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '@sluice/shared/adapters/bullmq/bullmq-job-source.ts';
import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import { createMemoryCooldownStore } from '@sluice/shared/adapters/memory/memory-cooldown-store.ts';
import { createMemoryModelCatalog } from '@sluice/shared/adapters/memory/memory-model-catalog.ts';
import { createMemoryTokenBus } from '@sluice/shared/adapters/memory/memory-token-bus.ts';
import { createMemoryUsageLog } from '@sluice/shared/adapters/memory/memory-usage-log.ts';
import { openFileStore } from '@sluice/shared/adapters/open-file-store.ts';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { createPostgresBodyStore } from '@sluice/shared/adapters/postgres/postgres-body-store.ts';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import { createPostgresFairShare } from '@sluice/shared/adapters/bullmq/postgres-fair-share.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { queuesOf } from '@sluice/shared/config/resolve-alias.ts';
import { laneOfQueue } from '@sluice/shared/contracts/lane-queue.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { version } from '@sluice/shared/version.ts';
import { openOciCatalog } from '@sluice/worker/catalog/oci-catalog.ts';
import { openAnthropicProvider } from '@sluice/worker/providers/anthropic/anthropic-provider.ts';
import { openSigners } from '@sluice/worker/providers/oci/identity/open-signers.ts';
import { openOciProvider } from '@sluice/worker/providers/oci/oci-provider.ts';
import { openOpenAiProvider } from '@sluice/worker/providers/openai/openai-provider.ts';
import { createWorkerMetrics } from '@sluice/worker/worker-metrics.ts';
import { openWorker } from '@sluice/worker/worker.ts';

export interface EmbeddedGatewayOptions {
  readonly config: GatewayConfig;
  readonly databaseUrl: string;
  readonly masterKey: string;
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  /** OpenTelemetry's variables are read from it, and those of OCI's identities. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A burst waits for the pool's connections; the database itself is as near as can be. */
const queueTimeLimitMs = 10_000;

/** Of the batch runner. */
const batchConnections = 4;

/** A day's rows are read in one statement. */
const reconcilingTimeLimitMs = 600_000;

/** Of one statement of a migration. */
const migrationTimeLimitMs = 600_000;

/** Jobs that one process runs at once per alias: more only wait for the same two or so cores. */
const concurrencyMax = 64;

/**
 * Ingress, worker, ledger and batch runner in one process, on one PostgreSQL: for laptops, evaluation and small teams.
 * The same four that run apart in the distributed mode; only the adapters differ.
 */
export async function openEmbeddedGateway(options: EmbeddedGatewayOptions): Promise<Ingress> {
  const { config, databaseUrl: url, log } = options;
  const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');
  await using opening = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails

  const telemetry = opening.use(await openTelemetry({ service: 'sluice', env: options.env }));
  const sql = opening.use(await openPostgres({ url, applicationName: 'sluice', onError }));
  await migrateWithTime(url, onError);
  const reports = createPostgresSpendReports(sql);
  const bodies = createPostgresBodyStore(sql);
  const files = opening.use(await openFileStore(config.sluice.files.s3, sql));
  const admission = opening.use(createMemoryAdmission({ loadBalances: (accounts) => reports.balancesOf(accounts) }));
  const idempotency = createPostgresIdempotencyStore(sql, { onError });
  const bus = createMemoryTokenBus();
  const catalog = createMemoryModelCatalog(onError);
  const { log: usage, source: usageSource } = createMemoryUsageLog(onError);
  // One for each lane of a queue to wait for jobs with, and some to work with. That of a batch lane is taken only when it
  // is used first: few aliases have batches, and the server has 200 for all.
  const connections = 16 + 2 * queuesOf(config).length;
  const uses = createFirstUses();
  const backend = opening.use(await openPostgresBackend({ url, connections, onError }));
  const queue = opening.use(openBullJobQueue(backend, { timeLimitMs: queueTimeLimitMs, onEnqueue: uses.used }));
  const source = opening.use(
    openBullJobSource(backend, {
      whenUsed: (name) => (laneOfQueue(name).lane === 'batch' ? uses.whenUsed(name) : null),
      onError,
    }),
  );
  const fairShare = createPostgresFairShare(sql);

  const reconciling = opening.use(
    await openPostgres({
      url,
      max: 1,
      applicationName: 'sluice-reconcile',
      onError,
      statementTimeoutMs: reconcilingTimeLimitMs,
    }),
  );
  const { reconcileIntervalMs: intervalMs } = config.sluice;
  // Closed after the ledger: its last reading of admission's counters, which end here, finds every call booked.
  const reconciler = opening.use(
    openReconciler({
      sql: reconciling,
      witness: admission.witness,
      usage: usageSource,
      now: Date.now,
      log,
      intervalMs,
    }),
  );
  watchReconciler(telemetry.meter, reconciler);
  // The ledger is opened before them and so closed after: what the worker still reports is still booked.
  const { spendLogsRetention: retention } = config;
  const books = createPostgresBooks(sql);
  const ledger = opening.use(await openLedger({ books, usage: usageSource, admission, retention, log, maxWaitMs: 2 }));
  watchLedger(telemetry.meter, ledger, usageSource);
  const { upstreamConnections: connectionsPerDeployment, workerConcurrency } = config.sluice;
  const signers = opening.use(openSigners({ env: options.env, log }));
  const providers = {
    oci: opening.use(openOciProvider({ signers, connectionsPerDeployment, log })),
    openai: opening.use(openOpenAiProvider({ signers, connectionsPerDeployment })),
    anthropic: opening.use(openAnthropicProvider({ connectionsPerDeployment })),
  };
  const models = opening.use(openOciCatalog({ config, signers, log, now: Date.now }));
  opening.use(await catalog.answer(() => models.list()));
  opening.use(
    await openWorker({
      source,
      bus,
      usage,
      admission,
      fairShare,
      bodies,
      idempotency,
      cooldownStore: opening.use(createMemoryCooldownStore()),
      log,
      startedAt: Date.now(),
      config: {
        ...config,
        sluice: { ...config.sluice, workerConcurrency: Math.min(workerConcurrency, concurrencyMax) },
      },
      providers,
      metrics: createWorkerMetrics(telemetry.meter),
      now: Date.now,
      random: Math.random,
    }),
  );
  // Connections of its own: leases are renewed, whatever else there is to do.
  const batchesSql = opening.use(
    await openPostgres({ url, max: batchConnections, applicationName: 'sluice-batches', onError }),
  );
  const { meter } = telemetry;
  const ports = { reports, queue, fairShare, bodies, files, idempotency, admission, usage, bus };
  const shared = { ...ports, config, version, meter, log };
  opening.use(await openBatchRunner({ ...shared, sql: batchesSql }));
  const ingress = opening.use(
    await openIngress({
      ...options,
      ...shared,
      shutdownDelayMs: 0, // no other process would take over what a load balancer sends elsewhere
      sql,
      catalog,
      metrics: () => telemetry.prometheusText(),
    }),
  );
  const open = opening.move();
  return { port: ingress.port, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function migrateWithTime(url: string, onError: (error: unknown) => void): Promise<void> {
  const settings = { max: 2, applicationName: 'sluice-migrate', statementTimeoutMs: migrationTimeLimitMs };
  await using sql = await openPostgres({ url, onError, ...settings });
  await migrate(sql, [schemas.ingress, schemas.ledger]);
}
