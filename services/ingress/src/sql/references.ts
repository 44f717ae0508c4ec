import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { Counted } from '../tenancy/counted.ts';

/** A column that refers to something, and how messages name what has it. Nothing of a request is ever part of these. */
interface Reference {
  readonly table: string;
  readonly column: string;
  readonly what: string;
  readonly named: string;
}

const keyNamed = 'coalesce(key_alias, key_name)';

/** Whatever may refer to a budget. */
export const toBudgets: readonly Reference[] = [
  { table: 'virtual_keys', column: 'budget_id', what: 'key', named: keyNamed },
  { table: 'organizations', column: 'budget_id', what: 'organization', named: 'organization_id' },
  {
    table: 'organization_members',
    column: 'budget_id',
    what: 'member of an organization',
    named: `user_id || ' of ' || organization_id`,
  },
  { table: 'teams', column: 'member_budget_id', what: 'team', named: 'team_id' },
  { table: 'team_members', column: 'budget_id', what: 'member of a team', named: `user_id || ' of ' || team_id` },
  { table: 'customers', column: 'budget_id', what: 'customer', named: 'customer_id' },
  { table: 'tags', column: 'budget_id', what: 'tag', named: 'name' },
];

/** Whatever an organization limits, but for its members. */
export const toOrganizations: readonly Reference[] = [
  { table: 'teams', column: 'organization_id', what: 'team', named: 'team_id' },
  { table: 'virtual_keys', column: 'organization_id', what: 'key', named: keyNamed },
];

const namesMax = 3;

/** Whatever refers to something, by its kind, each with a few names; none: nothing does. */
export async function findReferences(
  sql: Sql,
  references: readonly Reference[],
  id: string,
): Promise<readonly Counted[]> {
  const selects = references.map(
    ({ table, column, what, named }) =>
      `select '${what}' as what, count(*)::int as count, (array_agg((${named})::text order by ${named}))[1:${namesMax}] as names
       from ingress.${table} where ${column} = $1`,
  );
  const { rows } = await sql.query(`select * from (${selects.join(' union all ')}) as found where count > 0`, [id]);
  return z.array(z.object({ what: z.string(), count: z.int(), names: z.array(z.string()) })).parse(rows);
}
