import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { text, texts } from './columns.ts';

/** What a user is the administrator or a member of. */
export interface UserScope {
  /** Those that the user administers. */
  readonly organizations: ReadonlySet<string>;
  /** Those that the user is a member of, or that belong to an organization that the user administers. */
  readonly teams: ReadonlyMap<string, TeamScope>;
}

interface TeamScope {
  readonly organizationId: string | null;
  readonly role: 'admin' | 'user' | null;
  readonly memberPermissions: readonly string[] | null;
  /** Lifetime of keys that members make without saying one. */
  readonly memberKeyDuration: string | null;
}

export async function findScope(sql: Sql, userId: string): Promise<UserScope> {
  const { rows } = await sql.query(
    `with administered as (
       select organization_id from ingress.organization_members where user_id = $1 and role = 'org_admin'
     )
     select array(select organization_id::text from administered) as organizations,
       array(
         select jsonb_build_object('team_id', t.team_id, 'organization_id', t.organization_id, 'role', m.role,
           'member_permissions', to_jsonb(t.member_permissions), 'member_key_duration', t.member_key_duration)
         from ingress.teams as t
         left join ingress.team_members as m on m.team_id = t.team_id and m.user_id = $1
         where m.user_id is not null or t.organization_id in (select organization_id from administered)
       ) as teams`,
    [userId],
  );
  const { organizations, teams } = ScopeRow.parse(rows[0]);
  return {
    organizations: new Set(organizations),
    teams: new Map(
      teams.map((team) => [
        team.team_id,
        {
          organizationId: team.organization_id,
          role: team.role,
          memberPermissions: team.member_permissions,
          memberKeyDuration: team.member_key_duration,
        },
      ]),
    ),
  };
}

const ScopeRow = z.object({
  organizations: texts,
  teams: z.array(
    z.object({
      team_id: z.string(),
      organization_id: text,
      role: z.enum(['admin', 'user']).nullable(),
      member_permissions: texts.nullable(),
      member_key_duration: text,
    }),
  ),
});
