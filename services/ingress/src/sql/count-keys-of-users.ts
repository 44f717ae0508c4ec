import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** How many keys users have; those without any are left out. */
export async function countKeysOfUsers(sql: Sql, userIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query(
    `select user_id, count(*)::int as keys from ingress.virtual_keys where user_id = any ($1) group by user_id`,
    [userIds],
  );
  return new Map(
    z
      .array(CountRow)
      .parse(rows)
      .map(({ user_id, keys }) => [user_id, keys]),
  );
}

const CountRow = z.object({ user_id: z.string(), keys: z.int() });
