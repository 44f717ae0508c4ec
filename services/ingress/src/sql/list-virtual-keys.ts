import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

export interface VirtualKeyFilter {
  readonly userId?: string | undefined;
  /** Beside those of `userId`: keys of these teams, and keys that this user has made. */
  readonly orTeamIds?: readonly string[] | undefined;
  readonly orCreatedBy?: string | undefined;
  readonly teamId?: string | undefined;
  /** Also the keys of its teams, which are for it whatever they name. */
  readonly organizationId?: string | undefined;
  readonly hash?: string | undefined;
  readonly accessGroupId?: string | undefined;
  readonly keyAlias?: string | undefined;
  /** The user id and the alias only have to contain what is asked for; case does not matter. */
  readonly substringMatching: boolean;
  readonly expires?: 'expired' | 'active' | undefined;
  readonly now: number;
}

export interface VirtualKeyPage {
  /** Counted from 1. */
  readonly page: number;
  readonly size: number;
  readonly sortBy: VirtualKeySort;
  readonly descending: boolean;
}

/** What keys can be sorted by, in LiteLLM's words. */
export const VirtualKeySort = z.enum([
  'created_at',
  'updated_at',
  'expires',
  'key_alias',
  'key_name',
  'max_budget',
  'team_id',
  'token',
  'user_id',
]);
type VirtualKeySort = z.infer<typeof VirtualKeySort>;

const sortColumns = {
  created_at: 'created_at',
  updated_at: 'updated_at',
  expires: 'expires_at',
  key_alias: 'key_alias',
  key_name: 'key_name',
  max_budget: 'max_budget_nano_usd',
  team_id: 'team_id',
  token: 'hash',
  user_id: 'user_id',
} as const satisfies Record<VirtualKeySort, string>;

/** One page of the keys that match, and how many do. Keys without a value come last. */
export async function listVirtualKeys(
  sql: Sql,
  filter: VirtualKeyFilter,
  { page, size, sortBy, descending }: VirtualKeyPage,
): Promise<{ total: number; keys: readonly VirtualKey[] }> {
  const order = `${sortColumns[sortBy]} ${descending ? 'desc' : 'asc'} nulls last, hash`;
  const { rows } = await sql.query(
    `with matching as (
       select * from ingress.virtual_keys
       where ($1::text is null or (case when $6 then position(lower($1) in lower(user_id)) > 0 else user_id = $1 end)
           or team_id = any ($11::text[]) or created_by = $12)
         and ($2::text is null or team_id = $2)
         and ($3::text is null or coalesce(
           (select team.organization_id from ingress.teams as team where team.team_id = virtual_keys.team_id),
           organization_id) = $3)
         and ($4::text is null or hash = $4)
         and ($5::text is null
           or (case when $6 then position(lower($5) in lower(key_alias)) > 0 else key_alias = $5 end))
         and ($13::text is null or $13 = any (access_group_ids))
         and ($7::boolean is null or coalesce(expires_at <= $8, false) = $7)
     ),
     page as (select * from matching order by ${order} limit $9 offset $10)
     select (select count(*) from matching) as total, page.*
     from (select) as once left join page on true
     order by ${order}`,
    [
      filter.userId ?? null,
      filter.teamId ?? null,
      filter.organizationId ?? null,
      filter.hash ?? null,
      filter.keyAlias ?? null,
      filter.substringMatching,
      filter.expires === undefined ? null : filter.expires === 'expired',
      new Date(filter.now),
      size,
      (page - 1) * size,
      filter.orTeamIds ?? null,
      filter.orCreatedBy ?? null,
      filter.accessGroupId ?? null,
    ],
  );
  const { total } = TotalRow.parse(rows[0]);
  return { total, keys: rows.filter(isKey).map((row) => decodeEntity(tables.keys, row)) };
}

/** An empty page still has one row, for the total. */
function isKey(row: unknown): boolean {
  return typeof row === 'object' && row !== null && 'hash' in row && row.hash !== null;
}

const TotalRow = z.object({ total: z.string().transform(Number).pipe(z.int()) });
