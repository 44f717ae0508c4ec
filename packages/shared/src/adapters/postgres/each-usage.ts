import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import type { EachUsageQuery, UsageEach, UsageField, UsageMeasures } from '../../ports/spend-reports.ts';
import type { Sql, SqlPool } from '../../ports/sql.ts';
import { readUsage, usageStatement, usageSumOf } from './read-usage.ts';

const sumsPerFetch = 2_000;

/**
 * @param rowsTimeoutMs of each statement that is answered from rows
 * @see SpendReports.eachUsage
 */
export async function eachUsage<const Field extends UsageField>(
  sql: SqlPool,
  query: EachUsageQuery<Field>,
  read: UsageEach<Field>,
  { rowsTimeoutMs }: { readonly rowsTimeoutMs: number },
): Promise<void> {
  const ofRows = query.of === 'tag and customer';
  const readAll = async (snapshot: Sql) => {
    await snapshot.query('set transaction isolation level repeatable read, read only');
    if (ofRows) await assertAllRows(snapshot, query);
    await readEach(snapshot, query, read);
  };
  try {
    await sql.transaction(readAll, ofRows ? { statementTimeoutMs: rowsTimeoutMs } : {});
  } catch (error) {
    if (ofRows && isTooSlow(error)) throw refusal('this period has too many. Ask for a shorter one.', error);
    throw error;
  }
}

async function readEach<const Field extends UsageField>(
  snapshot: Sql,
  query: EachUsageQuery<Field>,
  read: UsageEach<Field>,
): Promise<void> {
  const total = await readTotal(snapshot, 'request', query);
  const { text, values } = usageStatement({ ...query, order: 'fields', limit: null });
  await snapshot.query(`declare sums no scroll cursor for ${text}`, values);
  const schema = z.array(usageSumOf(query.by));
  const next = async () => schema.parse((await snapshot.query(`fetch ${sumsPerFetch} from sums`)).rows);

  // Only now is it known that the sums can be had at all.
  let sums = await next();
  await read.total(total);
  while (sums.length > 0) {
    await read.sums(sums);
    sums = sums.length < sumsPerFetch ? [] : await next();
  }
}

/** What is asked of rows is answered if they are all there, as the daily sums of the same calls say. */
async function assertAllRows(snapshot: Sql, query: EachUsageQuery<UsageField>): Promise<void> {
  const [kept, booked] = [await readTotal(snapshot, 'row', query), await readTotal(snapshot, 'request', query)];
  if (kept.spendNanoUsd === booked.spendNanoUsd && requestsOf(kept) === requestsOf(booked)) return;
  throw refusal(
    'those of this period are no longer all kept (maximum_spend_logs_retention_period). ' +
      'Ask for a later start_date, or for sums by one of the two.',
  );
}

async function readTotal(
  snapshot: Sql,
  of: 'request' | 'row',
  query: EachUsageQuery<UsageField>,
): Promise<UsageMeasures> {
  const [total] = await readUsage(snapshot, { ...query, of, by: [], order: 'fields', limit: 1 });
  if (total === undefined) throw new Error('a sum over everything is one row, whatever there is');
  return total;
}

function requestsOf({ requestsOk, requestsFailed }: UsageMeasures): number {
  return requestsOk + requestsFailed;
}

function refusal(why: string, cause?: unknown): GatewayError {
  const message = `Sums by tag and customer together are made of single calls, and ${why}`;
  return new GatewayError('invalid_management_request', message, { param: 'group_by', cause });
}

/** SQLSTATE query_canceled: the statement's time was over. */
function isTooSlow(error: unknown): boolean {
  const cause = error instanceof GatewayError ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === '57014';
}
