import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/**
 * How many keys users have; those without any are left out.
 *
 * @param organizationIds only keys in these, or in their teams; null: all
 */
export async function countKeysOfUsers(
  sql: Sql,
  userIds: readonly string[],
  organizationIds: readonly string[] | null,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query(
    `select key.user_id, count(*)::int as keys
     from ingress.virtual_keys as key
     left join ingress.teams as team on team.team_id = key.team_id
     where key.user_id = any ($1)
       and ($2::text[] is null or key.organization_id = any ($2) or team.organization_id = any ($2))
     group by key.user_id`,
    [userIds, organizationIds],
  );
  return new Map(
    z
      .array(CountRow)
      .parse(rows)
      .map(({ user_id, keys }) => [user_id, keys]),
  );
}

const CountRow = z.object({ user_id: z.string(), keys: z.int() });
