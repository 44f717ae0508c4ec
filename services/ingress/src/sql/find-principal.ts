import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { Principal } from '../tenancy/principal.ts';
import { time } from './columns.ts';
import { decodeEntity, decodeOptional } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** A key with all that it belongs to, as of one moment; also by the hash of a key that it replaced. null: none. */
export function findPrincipal(sql: Sql, hash: KeyHash): Promise<Principal | null> {
  const asked = `select $1::text as hash, null::timestamptz as valid_until
    union all
    select new_hash, valid_until from ingress.replaced_keys where old_hash = $1`;
  return findAsked(sql, asked, hash);
}

/** The same of the key that is there now in place of the one that first had this hash. */
export function findPrincipalByFirstHash(sql: Sql, firstHash: string): Promise<Principal | null> {
  const asked = `select hash, null::timestamptz as valid_until from ingress.virtual_keys
    where coalesce(first_hash, hash) = $1`;
  return findAsked(sql, asked, firstHash);
}

async function findAsked(sql: Sql, asked: string, hash: string): Promise<Principal | null> {
  const { rows } = await sql.query(
    `select to_jsonb(k) as key, to_jsonb(kb) as key_budget,
       to_jsonb(t) as team, to_jsonb(m) as member, to_jsonb(mb) as member_budget, to_jsonb(u) as "user",
       to_jsonb(o) as organization, to_jsonb(ob) as organization_budget,
       to_jsonb(om) as organization_member, to_jsonb(omb) as organization_member_budget,
       exists (select from ingress.organization_members as any_om
               where any_om.user_id = k.user_id and any_om.role = 'org_admin') as is_organizer,
       asked.valid_until as replaced_until
     from (${asked}) as asked
     join ingress.virtual_keys as k on k.hash = asked.hash
     left join ingress.budgets as kb on kb.budget_id = k.budget_id
     left join ingress.teams as t on t.team_id = k.team_id
     left join ingress.team_members as m on m.team_id = k.team_id and m.user_id = k.user_id
     left join ingress.budgets as mb on mb.budget_id = coalesce(m.budget_id, t.member_budget_id)
     left join ingress.users as u on u.user_id = k.user_id
     left join ingress.organizations as o on o.organization_id = coalesce(t.organization_id, k.organization_id)
     left join ingress.budgets as ob on ob.budget_id = o.budget_id
     left join ingress.organization_members as om
       on om.organization_id = o.organization_id and om.user_id = k.user_id
     left join ingress.budgets as omb on omb.budget_id = om.budget_id
     limit 1`,
    [hash],
  );
  if (rows.length === 0) return null;
  const row = PrincipalRow.parse(rows[0]);
  return {
    key: decodeEntity(tables.keys, row.key),
    keyBudget: decodeOptional(tables.budgets, row.key_budget),
    team: decodeOptional(tables.teams, row.team),
    member: decodeOptional(tables.members, row.member),
    memberBudget: decodeOptional(tables.budgets, row.member_budget),
    user: decodeOptional(tables.users, row.user),
    organization: decodeOptional(tables.organizations, row.organization),
    organizationBudget: decodeOptional(tables.budgets, row.organization_budget),
    organizationMember: decodeOptional(tables.organizationMembers, row.organization_member),
    isOrganizer: row.is_organizer,
    organizationMemberBudget: decodeOptional(tables.budgets, row.organization_member_budget),
    replacedUntil: row.replaced_until,
  };
}

const PrincipalRow = z.object({
  key: z.unknown(),
  key_budget: z.unknown(),
  team: z.unknown(),
  member: z.unknown(),
  member_budget: z.unknown(),
  user: z.unknown(),
  organization: z.unknown(),
  organization_budget: z.unknown(),
  organization_member: z.unknown(),
  is_organizer: z.boolean(),
  organization_member_budget: z.unknown(),
  replaced_until: time.nullable(),
});
