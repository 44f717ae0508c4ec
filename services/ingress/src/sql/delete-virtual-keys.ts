import { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** Deletes all of the keys that are named, or, when one of them does not exist, none. */
export async function deleteVirtualKeys(
  sql: Sql,
  { hashes, aliases }: { readonly hashes: readonly string[]; readonly aliases: readonly string[] },
): Promise<{ deleted: readonly KeyHash[]; missing: readonly string[] }> {
  const { rows } = await sql.query(
    `with missing as (
       select name from unnest($1::text[]) as name
       where not exists (select from ingress.virtual_keys where hash = name)
       union all
       select name from unnest($2::text[]) as name
       where not exists (select from ingress.virtual_keys where key_alias = name)
     ),
     deleted as (
       delete from ingress.virtual_keys
       where (hash = any ($1) or key_alias = any ($2)) and not exists (select from missing)
       returning hash
     )
     select array(select name from missing) as missing, array(select hash from deleted) as deleted`,
    [hashes, aliases],
  );
  return DeletedRow.parse(rows[0]);
}

const DeletedRow = z.object({ deleted: z.array(KeyHash), missing: z.array(z.string()) });
