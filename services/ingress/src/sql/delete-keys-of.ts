import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Whose keys; with both, those that users have in teams. */
export type KeyOwners =
  | { readonly teamIds: readonly string[]; readonly userIds?: readonly string[] }
  | { readonly teamIds?: undefined; readonly userIds: readonly string[] };

/**
 * Deletes the keys of teams, or of users. Those of service accounts have no user: they go with their team, and outlive any
 * user (contract §2.2). Locked in the order in which all changes of keys lock them.
 */
export async function deleteKeysOf(sql: Sql, { teamIds, userIds }: KeyOwners): Promise<readonly VirtualKey[]> {
  const { rows } = await sql.query(
    `with locked as (
       select hash from ingress.virtual_keys
       where ($1::text[] is null or team_id = any ($1))
         and ($2::text[] is null or user_id = any ($2))
       order by hash
       for update
     )
     delete from ingress.virtual_keys as key using locked where key.hash = locked.hash
     returning key.*`,
    [teamIds ?? null, userIds ?? null],
  );
  return rows.map((row) => decodeEntity(tables.keys, row));
}
