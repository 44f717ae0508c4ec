import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { violatedUnique } from './unique-violation.ts';
import { VirtualKeyRow } from './virtual-key-row.ts';

/** What an operator may set on a key; a property that is not there leaves the key as it is. */
export type VirtualKeyChanges = Partial<
  Pick<
    VirtualKey,
    | 'keyAlias'
    | 'models'
    | 'maxBudgetNanoUsd'
    | 'budgetDuration'
    | 'requestsPerMinute'
    | 'tokensPerMinute'
    | 'maxParallelRequests'
    | 'metadata'
    | 'userId'
    | 'teamId'
    | 'organizationId'
    | 'blocked'
    | 'expiresAt'
  >
> & {
  /** `metadata.tags`. They survive a change of `metadata` that does not name them. */
  readonly tags?: readonly string[];
};

/** Changes a key in one statement, so that two changes of different fields at once both hold. */
export async function updateVirtualKey(
  sql: Sql,
  hash: KeyHash,
  changes: VirtualKeyChanges,
  by: { readonly userId: string | null; readonly now: number },
): Promise<VirtualKey | 'alias-taken' | null> {
  const { expiresAt } = changes;
  // JSON drops what is undefined: a change that is there is a member that is there.
  const change = JSON.stringify({
    key_alias: changes.keyAlias,
    models: changes.models,
    max_budget_nano_usd: changes.maxBudgetNanoUsd,
    budget_duration: changes.budgetDuration,
    requests_per_minute: changes.requestsPerMinute,
    tokens_per_minute: changes.tokensPerMinute,
    max_parallel_requests: changes.maxParallelRequests,
    metadata: changes.metadata,
    tags: changes.tags,
    user_id: changes.userId,
    team_id: changes.teamId,
    organization_id: changes.organizationId,
    blocked: changes.blocked,
    expires_at: typeof expiresAt === 'number' ? new Date(expiresAt) : expiresAt,
  });

  try {
    const { rows } = await sql.query(
      `update ingress.virtual_keys set
         key_alias = case when c ? 'key_alias' then c ->> 'key_alias' else key_alias end,
         models = case when c ? 'models' then array(select jsonb_array_elements_text(c -> 'models')) else models end,
         max_budget_nano_usd = case when c ? 'max_budget_nano_usd'
           then (c ->> 'max_budget_nano_usd')::bigint else max_budget_nano_usd end,
         budget_duration = case when c ? 'budget_duration' then c ->> 'budget_duration' else budget_duration end,
         requests_per_minute = case when c ? 'requests_per_minute'
           then (c ->> 'requests_per_minute')::bigint else requests_per_minute end,
         tokens_per_minute = case when c ? 'tokens_per_minute'
           then (c ->> 'tokens_per_minute')::bigint else tokens_per_minute end,
         max_parallel_requests = case when c ? 'max_parallel_requests'
           then (c ->> 'max_parallel_requests')::bigint else max_parallel_requests end,
         metadata =
           case when not c ? 'metadata' then metadata
                when metadata ? 'tags' then jsonb_build_object('tags', metadata -> 'tags') || (c -> 'metadata')
                else c -> 'metadata' end
           || case when c ? 'tags' then jsonb_build_object('tags', c -> 'tags') else '{}' end,
         user_id = case when c ? 'user_id' then c ->> 'user_id' else user_id end,
         team_id = case when c ? 'team_id' then c ->> 'team_id' else team_id end,
         organization_id = case when c ? 'organization_id' then c ->> 'organization_id' else organization_id end,
         blocked = case when c ? 'blocked' then (c ->> 'blocked')::boolean else blocked end,
         expires_at = case when c ? 'expires_at' then (c ->> 'expires_at')::timestamptz else expires_at end,
         updated_at = $3,
         updated_by = $4
       from (select $2::jsonb as c) as change
       where hash = $1
       returning ingress.virtual_keys.*`,
      [hash, change, new Date(by.now), by.userId],
    );
    return rows.length === 0 ? null : VirtualKeyRow.parse(rows[0]);
  } catch (error) {
    if (violatedUnique(error) === 'virtual_keys_key_alias_unique') return 'alias-taken';
    throw error;
  }
}
