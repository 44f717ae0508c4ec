import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { texts } from './columns.ts';

export interface KeyAliasFilter {
  /** Contained in the alias; case does not matter. */
  readonly search?: string | undefined;
  readonly teamId?: string | undefined;
  readonly userId?: string | undefined;
}

/** One page of the aliases of keys that have one, in their order, and how many there are. */
export async function listKeyAliases(
  sql: Sql,
  filter: KeyAliasFilter,
  { page, size }: { readonly page: number; readonly size: number },
): Promise<{ readonly total: number; readonly aliases: readonly string[] }> {
  const { rows } = await sql.query(
    `with matching as (
       select key_alias from ingress.virtual_keys
       where key_alias is not null
         and ($1::text is null or position(lower($1) in lower(key_alias)) > 0)
         and ($2::text is null or team_id = $2)
         and ($3::text is null or user_id = $3)
     )
     select (select count(*) from matching) as total,
       array(select key_alias from matching order by lower(key_alias), key_alias limit $4 offset $5) as aliases`,
    [filter.search ?? null, filter.teamId ?? null, filter.userId ?? null, size, (page - 1) * size],
  );
  return AliasesRow.parse(rows[0]);
}

const AliasesRow = z.object({ total: z.coerce.number().pipe(z.int()), aliases: texts });
