import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** What things are called, by id; things that nobody has made, or has deleted, are absent. */
export interface EntityNames {
  teams(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  organizations(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  users(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** Aliases of teams and organizations; of users their alias, or else their address. */
export function entityNamesIn(sql: Sql): EntityNames {
  return {
    teams: (ids) =>
      find(sql, 'select team_id as id, team_alias as name from ingress.teams where team_id = any ($1)', ids),
    organizations: (ids) =>
      find(
        sql,
        `select organization_id as id, organization_alias as name from ingress.organizations
         where organization_id = any ($1)`,
        ids,
      ),
    users: (ids) =>
      find(
        sql,
        'select user_id as id, coalesce(user_alias, user_email) as name from ingress.users where user_id = any ($1)',
        ids,
      ),
  };
}

const Named = z.array(z.object({ id: z.string(), name: z.string().nullable() }));

async function find(sql: Sql, text: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql.query(text, [ids]);
  return new Map(Named.parse(rows).flatMap(({ id, name }) => (name === null || name === '' ? [] : [[id, name]])));
}
