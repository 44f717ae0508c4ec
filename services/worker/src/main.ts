import { openRedisBackend } from '@sluice/shared/adapters/bullmq/backend.ts';
import { openBullJobSource } from '@sluice/shared/adapters/bullmq/bullmq-job-source.ts';
import { createNatsModelCatalog } from '@sluice/shared/adapters/nats/nats-model-catalog.ts';
import { createNatsTokenBus } from '@sluice/shared/adapters/nats/nats-token-bus.ts';
import { openNatsUsageLog } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { openRedisCooldownStore } from '@sluice/shared/adapters/redis/redis-cooldown-store.ts';
import { createRedisFairShare } from '@sluice/shared/adapters/bullmq/redis-fair-share.ts';
import { openQuickRedis } from '@sluice/shared/adapters/redis/open-redis.ts';
import { openRedisBodyStore } from '@sluice/shared/adapters/redis/redis-body-store.ts';
import { openRedisIdempotencyStore } from '@sluice/shared/adapters/redis/redis-idempotency-store.ts';
import { startProcess } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import type { FindBooked, LoadBalances } from '@sluice/shared/ports/admission.ts';
import { assertSchema } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { openStatusServer } from '@sluice/shared/status-server.ts';
import { version } from '@sluice/shared/version.ts';
import { openOciCatalog } from './catalog/oci-catalog.ts';
import { openAnthropicProvider } from './providers/anthropic/anthropic-provider.ts';
import { openSigners } from './providers/oci/identity/open-signers.ts';
import { openOciProvider } from './providers/oci/oci-provider.ts';
import { openOpenAiProvider } from './providers/openai/openai-provider.ts';
import { createWorkerMetrics } from './worker-metrics.ts';
import { openWorker } from './worker.ts';

const { config, log } = await startProcess(process.env, {
  service: 'worker',
  defaultPort: 4001,
  needs: { models: 'credentials', masterKey: false, files: false },
});
const { gateway, redisUrl } = config;
const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');

await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
const telemetry = resources.use(await openTelemetry({ service: 'sluice-worker', env: process.env }));
// Read only when admission has lost an account: the worker writes nothing here.
const sql = resources.use(
  await openPostgres({ url: config.databaseUrl, max: 2, applicationName: 'sluice-worker', onError }),
);
await assertSchema(sql, [schemas.ledger]);
const reports = createPostgresSpendReports(sql);
const loadBalances: LoadBalances = (accounts) => reports.balancesOf(accounts);
const findBooked: FindBooked = (callIds) => reports.bookedAmong(callIds);
const redis = resources.use(await openQuickRedis({ url: redisUrl, onError }));
const admission = resources.use(await openRedisAdmission({ redis, loadBalances, findBooked, onError }));
const fairShare = resources.use(createRedisFairShare({ redis }));
const bodies = resources.use(openRedisBodyStore({ url: redisUrl, onError }));
const idempotency = resources.use(await openRedisIdempotencyStore({ url: redisUrl, onError }));
const cooldownStore = resources.use(await openRedisCooldownStore({ url: redisUrl, onError }));
const nats = resources.use(await openNats({ url: config.natsUrl, name: 'sluice-worker' }));
const bus = createNatsTokenBus(nats, onError);
const usage = resources.use(await openNatsUsageLog(nats));
const signers = resources.use(openSigners({ env: process.env, log }));
const connectionsPerDeployment = gateway.sluice.upstreamConnections;
const providers = {
  oci: resources.use(openOciProvider({ signers, connectionsPerDeployment, log })),
  openai: resources.use(openOpenAiProvider({ signers, connectionsPerDeployment })),
  anthropic: resources.use(openAnthropicProvider({ connectionsPerDeployment })),
};
const models = resources.use(openOciCatalog({ config: gateway, signers, log, now: Date.now }));
resources.use(await createNatsModelCatalog(nats, onError).answer(() => models.list()));
const backend = resources.use(openRedisBackend({ url: redisUrl, onError }));
const source = resources.use(openBullJobSource(backend));
const status = resources.use(
  await openStatusServer({
    ...config,
    pings: { queue: () => source.ping(), bus: () => usage.ping(), admission: () => admission.ping() },
    metrics: () => telemetry.prometheusText(),
  }),
);
resources.use(
  await openWorker({
    config: gateway,
    source,
    bus,
    usage,
    admission,
    fairShare,
    bodies,
    idempotency,
    cooldownStore,
    log,
    providers,
    metrics: createWorkerMetrics(telemetry.meter),
    now: Date.now,
    random: Math.random,
  }),
);
log.info({ port: status.port, version, aliases: gateway.aliases.size }, 'worker is taking jobs');

const signal = await untilSignal({ deadlineMs: gateway.sluice.drainMs });
log.info({ signal }, 'worker is finishing what it runs');
