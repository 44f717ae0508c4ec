import { z } from 'zod';
import type { UsageEach, UsageField, UsageQuery } from '../../ports/spend-reports.ts';
import type { SqlPool } from '../../ports/sql.ts';
import { readUsage, usageStatement, usageSumOf } from './read-usage.ts';

const sumsPerFetch = 2_000;

/** @see SpendReports.eachUsage */
export async function eachUsage<const Field extends UsageField>(
  sql: SqlPool,
  query: Omit<UsageQuery<Field>, 'order' | 'limit' | 'offset'>,
  read: UsageEach<Field>,
): Promise<void> {
  await sql.transaction(async (snapshot) => {
    await snapshot.query('set transaction isolation level repeatable read, read only');
    const [total] = await readUsage(snapshot, { ...query, of: 'request', by: [], order: 'fields', limit: 1 });
    if (total === undefined) throw new Error('a sum over everything is one row, whatever there is');
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
  });
}
