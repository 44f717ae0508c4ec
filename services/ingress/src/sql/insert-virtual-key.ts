import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { violatedUnique } from './unique-violation.ts';

/** Stores a new key. That its hash and its alias are new is the table's to say, so two at once cannot both be. */
export async function insertVirtualKey(sql: Sql, key: VirtualKey): Promise<'inserted' | 'alias-taken' | 'key-taken'> {
  try {
    await sql.query(
      `insert into ingress.virtual_keys (
         hash, key_alias, key_name, models, max_budget_nano_usd, budget_duration,
         requests_per_minute, tokens_per_minute, max_parallel_requests, metadata,
         user_id, team_id, organization_id, blocked, expires_at, created_at, updated_at, created_by, updated_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
      [
        key.hash,
        key.keyAlias,
        key.keyName,
        key.models,
        key.maxBudgetNanoUsd,
        key.budgetDuration,
        key.requestsPerMinute,
        key.tokensPerMinute,
        key.maxParallelRequests,
        JSON.stringify(key.metadata),
        key.userId,
        key.teamId,
        key.organizationId,
        key.blocked,
        key.expiresAt === null ? null : new Date(key.expiresAt),
        new Date(key.createdAt),
        new Date(key.updatedAt),
        key.createdBy,
        key.updatedBy,
      ],
    );
    return 'inserted';
  } catch (error) {
    const constraint = violatedUnique(error);
    if (constraint === 'virtual_keys_key_alias_unique') return 'alias-taken';
    if (constraint === 'virtual_keys_hash_unique') return 'key-taken';
    throw error;
  }
}
