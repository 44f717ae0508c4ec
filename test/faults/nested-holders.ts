import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../services/ingress/src/sql/tenancy-tables.ts';
import type { Limits } from '../../services/ingress/src/tenancy/limits.ts';
import { budget, organization } from '../../services/ingress/test/tenancy/entities.ts';
import { post } from '../e2e/ask.ts';
import type { TestGateway } from '../e2e/gateway.ts';
import { keysOf, type Holder } from './nested-budgets.ts';

export interface HolderOptions {
  readonly gateway: TestGateway;
  readonly sql: SqlPool;
  /** Of every name, so that two scenarios may share a gateway. */
  readonly prefix: string;
  /** A budget as requests have it, and as columns do. */
  readonly field: (amount: number) => Record<string, unknown>;
  readonly column: (amount: number) => Partial<Limits>;
}

/**
 * Everyone in a scenario who has a budget, over HTTP where there is a route for it; the proxy's is configured.
 *
 * @returns the secret of each key, and the account of each holder
 */
export async function makeHolders(all: Holder, { gateway, sql, prefix, field, column }: HolderOptions) {
  const tenancy = tenancyIn(sql);
  const secrets = new Map<Holder, string>();
  const ids = new Map<Holder, string>();
  for (const { key, budgets } of keysOf(all)) {
    const at = (kind: string) => {
      const holder = budgets.find((one) => one.kind === kind);
      assert.ok(holder);
      return { holder, id: `${prefix}-${holder.name}`, isNew: !ids.has(holder) };
    };
    const [of, team, inTeam] = [at('organization'), at('team'), at('member')];
    if (of.isNew) {
      await tenancy.budgets.insert(budget(`of ${of.id}`, column(of.holder.budget)));
      await tenancy.organizations.insert(organization(of.id, { budgetId: `of ${of.id}` }));
      ids.set(of.holder, `organization:${of.id}`);
    }
    if (team.isNew) {
      const made = { team_id: team.id, organization_id: of.id, ...field(team.holder.budget) };
      assert.equal((await post(gateway, '/team/new', made)).status, 200);
      ids.set(team.holder, `team:${team.id}`);
    }
    if (inTeam.isNew) {
      const added = { team_id: team.id, member: { role: 'user', user_id: inTeam.id } };
      assert.equal((await post(gateway, '/team/member_add', added)).status, 200);
      await tenancy.budgets.insert(budget(`of ${inTeam.id}`, column(inTeam.holder.budget)));
      await tenancy.members.update([team.id, inTeam.id], { budgetId: `of ${inTeam.id}` });
      ids.set(inTeam.holder, `member:${team.id}:${inTeam.id}`);
    }
    const secret = await gateway.newKey({ team_id: team.id, user_id: inTeam.id, ...field(key.budget) });
    secrets.set(key, secret);
    ids.set(key, `key:${createHash('sha256').update(secret).digest('hex')}`);
  }
  if (all.kind === 'proxy') ids.set(all, 'proxy:all');
  return { secrets, ids };
}
