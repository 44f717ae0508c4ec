import { KeyHash } from '@sluice/shared/ids.ts';
import { NanoUsd } from '@sluice/shared/money.ts';
import { z } from 'zod';
import type { VirtualKey } from '../auth/authenticated.ts';

/** `bigint` columns arrive as text; one that a double cannot hold exactly is refused, not rounded. */
const count = z.string().transform(Number).pipe(NanoUsd);
const time = z.date().transform((date) => date.getTime());

/** A row of ingress.virtual_keys. Columns of a newer schema are dropped. */
export const VirtualKeyRow = z
  .object({
    hash: KeyHash,
    key_alias: z.string().nullable(),
    key_name: z.string(),
    models: z.array(z.string()),
    max_budget_nano_usd: count.nullable(),
    budget_duration: z.string().nullable(),
    requests_per_minute: count.nullable(),
    tokens_per_minute: count.nullable(),
    max_parallel_requests: count.nullable(),
    metadata: z.record(z.string(), z.unknown()),
    user_id: z.string().nullable(),
    team_id: z.string().nullable(),
    organization_id: z.string().nullable(),
    blocked: z.boolean(),
    expires_at: time.nullable(),
    created_at: time,
    updated_at: time,
    created_by: z.string().nullable(),
    updated_by: z.string().nullable(),
  })
  .transform((row): VirtualKey => ({
    hash: row.hash,
    keyAlias: row.key_alias,
    keyName: row.key_name,
    models: row.models,
    maxBudgetNanoUsd: row.max_budget_nano_usd,
    budgetDuration: row.budget_duration,
    requestsPerMinute: row.requests_per_minute,
    tokensPerMinute: row.tokens_per_minute,
    maxParallelRequests: row.max_parallel_requests,
    metadata: row.metadata,
    userId: row.user_id,
    teamId: row.team_id,
    organizationId: row.organization_id,
    blocked: row.blocked,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdBy: row.created_by,
    updatedBy: row.updated_by,
  }));
