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
    await read.total(total);

    const { text, values } = usageStatement({ ...query, order: 'fields', limit: null });
    await snapshot.query(`declare sums no scroll cursor for ${text}`, values);
    const schema = z.array(usageSumOf(query.by));
    for (;;) {
      const { rows } = await snapshot.query(`fetch ${sumsPerFetch} from sums`);
      if (rows.length > 0) await read.sums(schema.parse(rows));
      if (rows.length < sumsPerFetch) return;
    }
  });
}
