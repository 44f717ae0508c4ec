import { openRedisBackend } from '@sluice/shared/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '@sluice/shared/adapters/bullmq/bullmq-job-queue.ts';
import { createNatsModelCatalog } from '@sluice/shared/adapters/nats/nats-model-catalog.ts';
import { createNatsTokenBus } from '@sluice/shared/adapters/nats/nats-token-bus.ts';
import { openNatsUsageLog } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openFileStore } from '@sluice/shared/adapters/open-file-store.ts';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { createRedisFairShare } from '@sluice/shared/adapters/bullmq/redis-fair-share.ts';
import { openQuickRedis } from '@sluice/shared/adapters/redis/open-redis.ts';
import { openRedisBodyStore } from '@sluice/shared/adapters/redis/redis-body-store.ts';
import { openRedisIdempotencyStore } from '@sluice/shared/adapters/redis/redis-idempotency-store.ts';
import { startProcess } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import type { FindBooked, LoadBalances } from '@sluice/shared/ports/admission.ts';
import { assertSchema } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { version } from '@sluice/shared/version.ts';
import { openIngress } from './ingress.ts';

const { config, log } = await startProcess(process.env, {
  service: 'ingress',
  defaultPort: 4000,
  needs: { models: 'places', masterKey: true, files: true },
});
const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');

await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
const telemetry = resources.use(await openTelemetry({ service: 'sluice-ingress', env: process.env }));
const sql = resources.use(await openPostgres({ url: config.databaseUrl, applicationName: 'sluice-ingress', onError }));
await assertSchema(sql, [schemas.ingress, schemas.ledger]);
const reports = createPostgresSpendReports(sql);
const backend = resources.use(openRedisBackend({ url: config.redisUrl, onError }));
const queue = resources.use(openBullJobQueue(backend));
const redis = resources.use(await openQuickRedis({ url: config.redisUrl, onError }));
const fairShare = resources.use(createRedisFairShare({ redis }));
const bodies = resources.use(openRedisBodyStore({ url: config.redisUrl, onError }));
const idempotency = resources.use(await openRedisIdempotencyStore({ url: config.redisUrl, onError }));
const loadBalances: LoadBalances = (accounts) => reports.balancesOf(accounts);
const findBooked: FindBooked = (callIds) => reports.bookedAmong(callIds);
const admission = resources.use(await openRedisAdmission({ redis, loadBalances, findBooked, onError }));
const nats = resources.use(await openNats({ url: config.natsUrl, name: 'sluice-ingress' }));
const usage = resources.use(await openNatsUsageLog(nats));
const bus = createNatsTokenBus(nats, onError);

const { port, host, gateway, masterKey } = config;
const files = resources.use(await openFileStore(gateway.sluice.files.s3, sql));
const ingress = resources.use(
  await openIngress({
    port,
    host,
    version,
    masterKey,
    shutdownDelayMs: gateway.sluice.shutdownDelayMs,
    config: gateway,
    log,
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
    catalog: createNatsModelCatalog(nats, onError),
    meter: telemetry.meter,
    metrics: () => telemetry.prometheusText(),
  }),
);
log.info({ port: ingress.port, host, version, aliases: gateway.aliases.size }, 'ingress is listening');

const signal = await untilSignal({ deadlineMs: gateway.sluice.drainMs });
log.info({ signal }, 'ingress is draining');
