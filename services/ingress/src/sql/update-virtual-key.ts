import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { changedBy, type History, type Maker } from '../tenancy/history.ts';
import { columnOf, decodeEntity, encodeEntity } from './entity-table.ts';
import { refusalOf } from './insert-virtual-key.ts';
import { tables } from './tenancy-tables.ts';
import { violatedConstraint } from './violated-constraint.ts';

/** What an operator may set on a key; a property that is not there leaves the key as it is. */
export type VirtualKeyChanges = Partial<Omit<VirtualKey, 'hash' | 'firstHash' | 'keyName' | keyof History>> & {
  /** `metadata.tags`. They survive a change of `metadata` that does not name them, as does a `service_account_id`. */
  readonly tags?: readonly string[];
};

/** Changes a key in one statement, so that two changes of different fields at once both hold. */
export async function updateVirtualKey(
  sql: Sql,
  hash: KeyHash,
  { tags, ...changes }: VirtualKeyChanges,
  by: Maker,
): Promise<VirtualKey | 'alias-taken' | 'key-taken' | 'no-budget' | null> {
  const all = { ...changes, ...changedBy(by) };
  const set = Object.entries(all)
    .filter(([name, value]) => value !== undefined && name !== 'metadata')
    .map(([name]) => `${columnOf(name)} = change.${columnOf(name)}`);
  try {
    const { rows } = await sql.query(
      `update ingress.virtual_keys as key set
         ${set.join(', ')},
         metadata =
           case when change.metadata is null then key.metadata
                else (select coalesce(jsonb_object_agg(name, value), '{}') from jsonb_each(key.metadata) as had (name, value)
                      where name in ('tags', 'service_account_id'))
                  || change.metadata end
           || case when $3::jsonb is null then '{}' else jsonb_build_object('tags', $3::jsonb) end
       from jsonb_populate_record(null::ingress.virtual_keys, $2) as change
       where key.hash = $1
       returning key.*`,
      [hash, encodeEntity(all), tags === undefined ? null : JSON.stringify(tags)],
    );
    return rows.length === 0 ? null : decodeEntity(tables.keys, rows[0]);
  } catch (error) {
    const violated = violatedConstraint(error);
    if (violated === null) throw error;
    return refusalOf(violated);
  }
}
