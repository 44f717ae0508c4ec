import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openNatsUsageLog } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { Pool } from 'pg';
import { z } from 'zod';
import { openService } from '../servers/service.ts';
import { openNatsServer } from '../servers/nats.ts';
import { openPostgresServer } from '../servers/postgres.ts';
import { openRedisServer } from '../servers/redis.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { cpuSince, cpuTimes } from './process-usage.ts';
import { spreadOf, type Spread } from './statistics.ts';
import { costOf, loadEvent } from './usage-events.ts';

const root = path.resolve(import.meta.dirname, '../..');
const publishedAtOnce = 500;
/** Every so many events one is looked for until it is visible; often enough for a 99th percentile. */
const sampleEvery = 20;
const lookEveryMs = 5;

export interface LedgerReport {
  readonly events: number;
  readonly perSecond: number;
  /** Microseconds per event, by process. */
  readonly cpuUs: ReadonlyMap<string, number>;
  /** Events per second that were published while the lag was measured. */
  readonly halfLoad: number;
  /** From the publication of an event to the first look that finds its row, milliseconds. */
  readonly lagMs: Spread;
  readonly problems: readonly string[];
}

/**
 * How fast one ledger books: `events` of a stored backlog, and then as many for the lag as ten seconds of half that
 * rate make. PostgreSQL syncs to the disk. NATS, Redis, PostgreSQL and the ledger are processes of their own.
 */
export async function measureLedger(events: number): Promise<LedgerReport> {
  await using stack = new AsyncDisposableStack();
  const postgres = stack.use(await openPostgresServer({ settings: { fsync: 'on', full_page_writes: 'on' } }));
  const redis = stack.use(await openRedisServer());
  const natsServer = stack.use(await openNatsServer());
  const env = {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    DATABASE_URL: await postgres.createDatabase('sluice'),
    REDIS_URL: redis.url,
    NATS_URL: natsServer.url,
  };
  await promisify(execFile)(process.execPath, ['deploy/migrate/src/main.ts'], { cwd: root, env });
  const nats = stack.use(await openNats({ url: natsServer.url, name: 'bench' }));
  const log = stack.use(await openNatsUsageLog(nats));
  const pool = new Pool({ connectionString: env.DATABASE_URL, max: 2 });
  stack.defer(() => pool.end());
  const expected = { count: 0, nanoUsd: 0n };
  const publish = async (n: number) => {
    const event = loadEvent(n, Date.now());
    expected.count += 1;
    expected.nanoUsd += costOf(event);
    await log.append(event);
    return event;
  };

  await publishAll(publish, events);
  const ledger = stack.use(await openService('ledger', { env, nodeArgs: process.execArgv, stopDeadlineMs: 30_000 }));
  const pids = new Map(
    Object.entries({ ledger: ledger.pid, postgres: postgres.pid, nats: natsServer.pid, redis: redis.pid }).flatMap(
      ([name, pid]) => (pid === undefined ? [] : [[name, pid] as const]),
    ),
  );

  // A fifth is left out: code gets quick by being run.
  const warm = Math.floor(events / 5);
  const counted = async () => {
    const { rows } = await pool.query(
      'select coalesce(sum(requests_ok + requests_failed), 0)::int as booked from ledger.daily_usage_report',
    );
    return z.tuple([z.object({ booked: z.int() })]).parse(rows)[0].booked;
  };
  const reached = async (count: number) => {
    let booked = 0;
    const enough = async () => (booked = await counted()) >= count;
    await waitUntil(enough, { what: `${count} events are booked`, deadlineMs: 120_000 });
    return { at: performance.now(), booked, cpu: cpuTimes(pids) };
  };
  const start = await reached(warm);
  const end = await reached(events);
  const measured = end.booked - start.booked;
  const perSecond = measured / ((end.at - start.at) / 1_000);
  const cpuUs = new Map([...cpuSince(start.cpu, end.cpu)].map(([name, ms]) => [name, (ms * 1_000) / measured]));

  const halfLoad = Math.floor(perSecond / 2);
  const lagMs = spreadOf(await measureLag(pool, publish, { first: events, perSecond: halfLoad, seconds: 10 }));
  await reached(expected.count);
  return { events, perSecond, cpuUs, halfLoad, lagMs, problems: await compare(pool, expected) };
}

async function publishAll(publish: (n: number) => Promise<unknown>, events: number): Promise<void> {
  let next = 0;
  const publisher = async () => {
    while (next < events) await publish(next++);
  };
  await Promise.all(Array.from({ length: publishedAtOnce }, publisher));
}

/** Publishes at a steady rate; looks for some of the events' rows until they are there. */
async function measureLag(
  pool: Pool,
  publish: (n: number) => Promise<{ requestId: string }>,
  { first, perSecond, seconds }: { first: number; perSecond: number; seconds: number },
): Promise<number[]> {
  const sought = new Map<string, number>();
  const lags: number[] = [];
  const look = async () => {
    if (sought.size === 0) return;
    const { rows } = await pool.query('select request_id from ledger.spend_rows where request_id = any($1)', [
      [...sought.keys()],
    ]);
    const now = performance.now();
    for (const { request_id: id } of z.array(z.object({ request_id: z.string() })).parse(rows)) {
      lags.push(now - (sought.get(id) ?? now));
      sought.delete(id);
    }
  };

  const startedAt = performance.now();
  const total = perSecond * seconds;
  const published: Promise<unknown>[] = [];
  let n = 0;
  while (n < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond));
    for (; n < due; n += 1) {
      const at = performance.now();
      const appended = publish(first + n);
      published.push(n % sampleEvery === 0 ? appended.then(({ requestId }) => sought.set(requestId, at)) : appended);
    }
    await sleep(lookEveryMs);
    await look();
  }
  await Promise.all(published);
  await waitUntil(async () => (await look(), sought.size === 0), {
    what: 'every event that was looked for is visible',
    deadlineMs: 60_000,
  });
  return lags;
}

const Sums = z.tuple([
  z.object({
    rows: z.coerce.number(),
    spend: z.coerce.bigint(),
    days: z.coerce.bigint(),
    proxy: z.coerce.bigint(),
    keys: z.coerce.bigint(),
    teams: z.coerce.bigint(),
  }),
]);

async function compare(pool: Pool, expected: { count: number; nanoUsd: bigint }): Promise<string[]> {
  const balance = (kind: string) =>
    `(select sum(settled_nano_usd) from ledger.account_balances where account_id like '${kind}:%')::text`;
  const { rows } = await pool.query(
    `select count(*) as rows, sum(cost_nano_usd)::text as spend,
       (select sum(spend_nano_usd) from ledger.daily_usage_report)::text as days, ${balance('proxy')} as proxy,
       ${balance('key')} as keys, ${balance('team')} as teams
     from ledger.spend_rows`,
  );
  const [{ rows: booked, ...sums }] = Sums.parse(rows);
  return [
    ...(booked === expected.count ? [] : [`${expected.count} events were published, ${booked} are booked`]),
    ...Object.entries(sums)
      .filter(([, sum]) => sum !== expected.nanoUsd)
      .map(([name, sum]) => `${name}: ${sum} nano-USD; published: ${expected.nanoUsd}`),
  ];
}
