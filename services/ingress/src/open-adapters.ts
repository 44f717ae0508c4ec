import { openRedisBackend } from '@sluice/shared/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '@sluice/shared/adapters/bullmq/bullmq-job-queue.ts';
import { createRedisFairShare } from '@sluice/shared/adapters/bullmq/redis-fair-share.ts';
import { createNatsModelCatalog } from '@sluice/shared/adapters/nats/nats-model-catalog.ts';
import { createNatsTokenBus } from '@sluice/shared/adapters/nats/nats-token-bus.ts';
import { openNatsUsageLog } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openFileStore } from '@sluice/shared/adapters/open-file-store.ts';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openQuickRedis } from '@sluice/shared/adapters/redis/open-redis.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { openRedisBodyStore } from '@sluice/shared/adapters/redis/redis-body-store.ts';
import { openRedisIdempotencyStore } from '@sluice/shared/adapters/redis/redis-idempotency-store.ts';
import type { ProcessConfig } from '@sluice/shared/config/process-config.ts';
import { assertSchema } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import type { IngressOptions } from './ingress.ts';

type AdapterName =
  | 'sql'
  | 'reports'
  | 'queue'
  | 'fairShare'
  | 'bodies'
  | 'files'
  | 'idempotency'
  | 'admission'
  | 'usage'
  | 'bus'
  | 'catalog';

export interface AdapterOptions {
  /** What PostgreSQL and NATS know the process by. */
  readonly name: string;
  /** Whether clients wait for what it asks of PostgreSQL: then it does not wait for one that is away. */
  readonly isAskedByClients?: boolean;
  readonly onError: (error: unknown) => void;
}

export type Adapters = Pick<IngressOptions, AdapterName> & AsyncDisposable;

/**
 * The adapters of the distributed mode for a process that takes requests down their path: an ingress or a batch runner.
 *
 * @throws when a server is out of reach, or PostgreSQL has not been migrated
 */
export async function openAdapters(
  { databaseUrl, redisUrl: url, natsUrl, gateway }: ProcessConfig,
  options: AdapterOptions,
): Promise<Adapters> {
  const { name, isAskedByClients = false, onError } = options;
  await using opening = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
  const sql = opening.use(
    await openPostgres({ url: databaseUrl, applicationName: name, watched: isAskedByClients, onError }),
  );
  await assertSchema(sql, [schemas.ingress, schemas.ledger]);
  const reports = createPostgresSpendReports(sql);
  const queue = opening.use(openBullJobQueue(opening.use(openRedisBackend({ url, onError }))));
  const redis = opening.use(await openQuickRedis({ url, onError }));
  const fairShare = opening.use(createRedisFairShare({ redis }));
  const bodies = opening.use(openRedisBodyStore({ url, onError }));
  const idempotency = opening.use(await openRedisIdempotencyStore({ url, onError }));
  const admission = opening.use(
    await openRedisAdmission({
      redis,
      loadBalances: (accounts) => reports.balancesOf(accounts),
      findBooked: (callIds) => reports.bookedAmong(callIds),
      onError,
    }),
  );
  const nats = opening.use(await openNats({ url: natsUrl, name }));
  const usage = opening.use(await openNatsUsageLog(nats));
  const bus = createNatsTokenBus(nats, onError);
  const catalog = createNatsModelCatalog(nats, onError);
  const files = opening.use(await openFileStore(gateway.sluice.files.s3, sql));
  const open = opening.move();
  return {
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
    catalog,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
