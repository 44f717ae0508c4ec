import { openRedisBackend } from '@sluice/shared/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '@sluice/shared/adapters/bullmq/bullmq-job-queue.ts';
import { createRedisFairShare } from '@sluice/shared/adapters/bullmq/redis-fair-share.ts';
import { createNatsTokenBus } from '@sluice/shared/adapters/nats/nats-token-bus.ts';
import { openNatsUsageLog } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openFileStore } from '@sluice/shared/adapters/open-file-store.ts';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openQuickRedis } from '@sluice/shared/adapters/redis/open-redis.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { openRedisBodyStore } from '@sluice/shared/adapters/redis/redis-body-store.ts';
import { openRedisIdempotencyStore } from '@sluice/shared/adapters/redis/redis-idempotency-store.ts';
import { startProcess } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import type { FindBooked, LoadBalances } from '@sluice/shared/ports/admission.ts';
import { assertSchema } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { openStatusServer } from '@sluice/shared/status-server.ts';
import { version } from '@sluice/shared/version.ts';
import { openBatchRunner } from './batches/batch-runner.ts';
import { createIngressMetrics } from './ingress-metrics.ts';

const { config, log } = await startProcess(process.env, {
  service: 'batch-runner',
  defaultPort: 4003,
  needs: { models: 'places', masterKey: false, files: true, webhooks: true },
});
const { gateway, redisUrl } = config;
const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');

await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
const telemetry = resources.use(await openTelemetry({ service: 'sluice-batch-runner', env: process.env }));
const sql = resources.use(
  await openPostgres({ url: config.databaseUrl, applicationName: 'sluice-batch-runner', onError }),
);
await assertSchema(sql, [schemas.ingress, schemas.ledger]);
const reports = createPostgresSpendReports(sql);
const backend = resources.use(openRedisBackend({ url: redisUrl, onError }));
const queue = resources.use(openBullJobQueue(backend));
const redis = resources.use(await openQuickRedis({ url: redisUrl, onError }));
const fairShare = resources.use(createRedisFairShare({ redis }));
const bodies = resources.use(openRedisBodyStore({ url: redisUrl, onError }));
const idempotency = resources.use(await openRedisIdempotencyStore({ url: redisUrl, onError }));
const loadBalances: LoadBalances = (accounts) => reports.balancesOf(accounts);
const findBooked: FindBooked = (callIds) => reports.bookedAmong(callIds);
const admission = resources.use(await openRedisAdmission({ redis, loadBalances, findBooked, onError }));
const nats = resources.use(await openNats({ url: config.natsUrl, name: 'sluice-batch-runner' }));
const usage = resources.use(await openNatsUsageLog(nats));
const bus = createNatsTokenBus(nats, onError);
const files = resources.use(await openFileStore(gateway.sluice.files.s3, sql));
const status = resources.use(
  await openStatusServer({
    ...config,
    pings: {
      postgres: () => sql.query('select 1'),
      queue: () => queue.ping(),
      admission: () => admission.ping(),
      usage: () => usage.ping(),
      files: () => files.ping(),
    },
    metrics: () => telemetry.prometheusText(),
  }),
);
resources.use(
  await openBatchRunner({
    config: gateway,
    version,
    sql,
    reports,
    queue,
    fairShare,
    bodies,
    files,
    idempotency,
    admission,
    usage,
    bus,
    meter: telemetry.meter,
    metrics: createIngressMetrics(telemetry.meter),
    log,
  }),
);
log.info({ port: status.port, version }, 'batch runner is running batches');

const signal = await untilSignal({ deadlineMs: gateway.sluice.drainMs });
log.info({ signal }, 'batch runner is giving back what it has');
