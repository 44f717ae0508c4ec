/**
 * `npm run bench:books -- --rows 10000000`: whether reports stay quick when the books are long.
 *
 * Fills the real tables of a PostgreSQL of its own, which takes about 15 minutes and 15 GB for ten million rows, and asks
 * each question of the reports many times. With `--data DIR` they stay in DIR, and are asked again without being filled.
 * Ends with 1 when an answer of 5,000 rows or fewer takes 100 ms or more at p95, or the sums are not those of the rows.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { z } from 'zod';
import { openPostgresServer } from '../servers/postgres.ts';
import { fillBooks } from './fill-books.ts';
import { table } from './markdown.ts';

const dayMs = 86_400_000;
const days = 92;
const until = Date.UTC(2026, 11, 1);
const p95Most = 100;
/** A longer answer costs what its rows cost to send and parse; it is shown and not judged. */
const judgedRowsMost = 5_000;
const timesAsked = 40;

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '10000000' }, data: { type: 'string' } },
});
const rows = z.coerce.number().int().min(1_000).max(100_000_000).parse(values.rows);
const say = (line: string) => process.stdout.write(`${line}\n`);

await using server = await openPostgresServer({
  settings: { shared_buffers: '512MB', max_wal_size: '8GB', synchronous_commit: 'off' },
  ...(values.data !== undefined && { dataDir: values.data }),
});
await using sql = await openPostgres({ url: server.url, applicationName: 'bench', statementTimeoutMs: 30 * 60_000 });
if ((await migrate(sql, [schemas.ledger])).length > 0) await fill();
say(await sizes());

const reports = createPostgresSpendReports(sql);
const figures = [];
for (const [question, ask] of Object.entries(questions(reports))) figures.push(await timed(question, ask));
say(
  table(
    ['question', 'rows of the answer', 'p50 ms', 'p95 ms', 'most ms'],
    figures.map(({ question, answered, p50, p95, most }) => [
      question,
      String(answered),
      ...[p50, p95, most].map((ms) => ms.toFixed(1)),
    ]),
  ),
);

const problems = [
  ...figures
    .filter(({ p95, answered }) => p95 >= p95Most && answered <= judgedRowsMost)
    .map(({ question, p95 }) => `${question}: p95 ${p95.toFixed(1)} ms`),
  ...(await sumsProblems()),
];
say(
  problems.length === 0
    ? 'Every answer of up to 5,000 rows under 100 ms at p95; the sums are those of the rows.'
    : problems.join('\n'),
);
process.exitCode = problems.length === 0 ? 0 : 1;

async function fill(): Promise<void> {
  await createMonths();
  const startedAt = performance.now();
  await fillBooks(sql, { rows, days, until }, (done) => {
    if (done % 500_000 === 0) process.stderr.write(`${done} rows\n`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  // What autovacuum does by itself, sooner or later: without it the figures would depend on when.
  await sql.query('vacuum (analyze) ledger.spend_rows, ledger.daily_usage, ledger.daily_errors');
  say(`${rows} rows of ${days} days in ${seconds.toFixed(0)} s: ${Math.round(rows / seconds)} rows/s with their sums`);
}

/** Every question of the spend endpoints that could touch more than one day; a month unless it says otherwise. */
function questions(books: SpendReports): Readonly<Record<string, () => Promise<readonly unknown[]>>> {
  const month = { from: Date.UTC(2026, 10, 1), to: until, limit: 100_000 };
  const all = { from: until - days * dayMs, to: until, limit: 100_000 };
  const request = { ...month, of: 'request', order: 'fields' } as const;
  const tag = { ...month, of: 'tag', order: 'fields' } as const;
  const customer = { ...month, of: 'customer', order: 'fields' } as const;
  const keyHash = [createHash('sha256').update('key-77').digest('hex')];
  return {
    'by team': () => books.usage({ ...request, by: ['teamId'], order: 'spend' }),
    'by day and team': () => books.usage({ ...request, by: ['day', 'teamId'] }),
    'by day, team, model and key': () => books.usage({ ...request, by: ['day', 'teamId', 'model', 'keyHash'] }),
    'by model, three months': () => books.usage({ ...request, ...all, by: ['model'], order: 'spend' }),
    'by day and model': () => books.usage({ ...request, by: ['day', 'model'] }),
    'by day and provider': () => books.usage({ ...request, by: ['day', 'provider'] }),
    'by user': () => books.usage({ ...request, by: ['userId'], order: 'spend' }),
    'by organization': () => books.usage({ ...request, by: ['organizationId'], order: 'spend' }),
    'by day, of one team': () => books.usage({ ...request, by: ['day', 'model'], where: { teamId: ['team-7'] } }),
    'by day, of one key': () => books.usage({ ...request, by: ['day', 'model'], where: { keyHash } }),
    'in all, three months': () => books.usage({ ...request, ...all, by: [] }),
    'keys, highest first': () => books.usage({ ...request, by: ['keyHash'], order: 'spend', limit: 10_000 }),
    'models, highest first': () => books.usage({ ...request, by: ['model'], order: 'spend', limit: 10 }),
    'by day, key, user and model': () => books.usage({ ...request, by: ['day', 'keyHash', 'userId', 'model'] }),
    'by tag': () => books.usage({ ...tag, by: ['name'], order: 'spend' }),
    'by day, of one tag': () => books.usage({ ...tag, by: ['day', 'model'], where: { name: ['tag-7'] } }),
    'tags by name': () => books.names({ of: 'tag', limit: 10_000 }),
    'by customer': () => books.usage({ ...customer, by: ['name'], order: 'spend' }),
    'by day, of one customer': () =>
      books.usage({ ...customer, by: ['day', 'model'], where: { name: ['customer-77'] } }),
    'customers by name': () => books.names({ of: 'customer', limit: 10_000 }),
    'failed calls by day': () => books.errors(month),
    'newest 1,000 rows of a key': () => books.rows({ keyHash: keyHash[0], limit: 1_000 }),
  };
}

async function timed(question: string, ask: () => Promise<readonly unknown[]>) {
  const answered = (await ask()).length; // the first reads from the disk, and is not counted
  const times: number[] = [];
  for (let n = 0; n < timesAsked; n += 1) {
    const start = performance.now();
    await ask();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.ceil(share * timesAsked) - 1] ?? Number.NaN;
  return { question, answered, p50: at(0.5), p95: at(0.95), most: at(1) };
}

async function createMonths(): Promise<void> {
  for (const [name, from, to] of [
    ['2026_08', '2026-08-01', '2026-09-01'],
    ['2026_09', '2026-09-01', '2026-10-01'],
    ['2026_10', '2026-10-01', '2026-11-01'],
    ['2026_11', '2026-11-01', '2026-12-01'],
  ]) {
    await sql.query(
      `create table ledger.spend_rows_${name} partition of ledger.spend_rows for values from ('${from}Z') to ('${to}Z')`,
    );
  }
}

async function sizes(): Promise<string> {
  const result = await sql.query(
    `select root as name, pg_size_pretty(sum(pg_total_relation_size(relid))) as size, sum(reltuples)::bigint as rows
     from (values ('ledger.spend_rows'), ('ledger.daily_usage')) as tables (root),
       lateral pg_partition_tree(root::regclass) as tree join pg_class on pg_class.oid = tree.relid and tree.isleaf
     group by 1 order by 1`,
  );
  return z
    .array(z.object({ name: z.string(), size: z.string(), rows: z.string() }))
    .parse(result.rows)
    .map((one) => `${one.name}: ${one.size}, ${one.rows} rows`)
    .join('\n');
}

async function sumsProblems(): Promise<string[]> {
  const result = await sql.query(
    `select (select sum(cost_nano_usd) from ledger.spend_rows) = (select sum(spend_nano_usd) from ledger.daily_usage_report) as spend,
       (select count(*) from ledger.spend_rows) = (select sum(requests_ok + requests_failed) from ledger.daily_usage_report) as requests`,
  );
  const [agree] = z.tuple([z.object({ spend: z.boolean(), requests: z.boolean() })]).parse(result.rows);
  return Object.entries(agree)
    .filter(([, equal]) => !equal)
    .map(([what]) => `${what}: the daily sums are not those of the rows`);
}
