import { z } from 'zod';
import { accountKey } from '../../contracts/account.ts';
import type { Balance } from '../../ports/admission.ts';
import type { SpendReports } from '../../ports/spend-reports.ts';
import type { SqlPool } from '../../ports/sql.ts';
import { dayOf } from './day-of.ts';
import { eachUsage } from './each-usage.ts';
import { readSpendLogs } from './read-spend-logs.ts';
import { readUsage } from './read-usage.ts';
import { SpendRowRecord, toSpendRow } from './to-spend-row.ts';

/** Reports from the views that the ledger publishes; nothing else of its schema is read. */
export function createPostgresSpendReports(sql: SqlPool): SpendReports {
  return {
    async balancesOf(accounts) {
      const { rows } = await sql.query(
        `select account_id, window_start, settled_nano_usd, version
         from unnest($1::text[], $2::bigint[]) as asked (account_id, window_start)
         join ledger.balance_report using (account_id, window_start)`,
        [accounts.map(({ id }) => id), accounts.map(({ windowStart }) => windowStart)],
      );
      const booked = new Map(
        z
          .array(BalanceRecord)
          .parse(rows)
          .map((balance) => [accountKey(balance), balance]),
      );
      return accounts.map(
        ({ id, windowStart }) =>
          booked.get(accountKey({ id, windowStart })) ?? { id, windowStart, settledNanoUsd: 0, version: 0 },
      );
    },

    async rows({ keyHash, userId, requestId, from, to, limit }) {
      const { rows } = await sql.query(
        `select * from ledger.spend_row_report
         where ($1::text is null or key_hash = $1)
           and ($2::text is null or user_id = $2)
           and ($3::text is null or request_id = $3)
           and ($4::timestamptz is null or started_at >= $4)
           and ($5::timestamptz is null or started_at < $5)
         order by started_at desc, call_id desc
         limit $6`,
        [keyHash ?? null, userId ?? null, requestId ?? null, timestamp(from), timestamp(to), limit],
      );
      return z.array(SpendRowRecord).parse(rows).map(toSpendRow).toReversed();
    },

    async byKey({ since, limit }) {
      return readUsage(sql, { of: 'request', from: since, to: endOfTime, by: ['keyHash'], order: 'spend', limit });
    },

    async byModel({ since, limit }) {
      const except = { model: [''] };
      return readUsage(sql, {
        of: 'request',
        from: since,
        to: endOfTime,
        by: ['model'],
        except,
        order: 'spend',
        limit,
      });
    },

    async daily({ from, to, keyHash }) {
      const by = ['day', 'keyHash', 'userId', 'model'] as const;
      const where = keyHash === undefined ? {} : { keyHash: [keyHash] };
      return readUsage(sql, { of: 'request', from, to, by, where, order: 'fields', limit: dailyMax });
    },

    usage: (query) => readUsage(sql, query),

    eachUsage: (query, read) => eachUsage(sql, query, read),

    logs: (query) => readSpendLogs(sql, query),

    async names({ of, after = '', limit }) {
      const { rows } = await sql.query(
        // From name to name in the index: as many steps as there are names, however many sums each has.
        `with recursive named as (
           (select ${of} as name from ledger.daily_${of}_usage_report where ${of} > $1 order by ${of} limit 1)
           union all
           select (select ${of} from ledger.daily_${of}_usage_report where ${of} > named.name order by ${of} limit 1)
           from named
           where named.name is not null
         )
         select name from named where name is not null limit $2`,
        [after, limit],
      );
      return z
        .array(z.object({ name: z.string() }))
        .parse(rows)
        .map(({ name }) => name);
    },

    async errors({ from, to, limit }) {
      const { rows } = await sql.query(
        `select day::text, error_code as "errorCode", alias, model, provider, deployment_id as "deploymentId",
           api_base as "apiBase", requests
         from ledger.daily_error_report
         where day >= $1::date and day < $2::date
         order by day, alias, model, deployment_id, error_code, provider, api_base
         limit $3`,
        [dayOf(from), dayOf(to), limit],
      );
      return z.array(DailyErrorsRecord).parse(rows);
    },
  };
}

/** After every day that a row can have, and a date that PostgreSQL knows. */
const endOfTime = Date.UTC(9999, 11, 31);

/** A year of 270 keys, each with ten models, on every day. Beyond it the newest days are left out. */
const dailyMax = 1_000_000;

const DailyErrorsRecord = z.object({
  day: z.string(),
  errorCode: z.string(),
  alias: z.string(),
  model: z.string(),
  provider: z.string(),
  deploymentId: z.string(),
  apiBase: z.string(),
  requests: z.string().transform(Number),
});

const BalanceRecord = z
  .object({ account_id: z.string(), window_start: z.string(), settled_nano_usd: z.string(), version: z.string() })
  .transform((row): Balance => ({
    id: row.account_id,
    windowStart: Number(row.window_start),
    settledNanoUsd: Math.min(Number(row.settled_nano_usd), Number.MAX_SAFE_INTEGER), // above every budget there can be
    version: Number(row.version),
  }));

function timestamp(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
