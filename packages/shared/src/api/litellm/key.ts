import { z } from 'zod';
import { isText, Text } from './text.ts';

/** Copied into every job and every spend row of the key, hence small. */
const metadataCharactersMax = 65_536;
const metadataDepthMax = 16;

const Metadata = z
  .record(z.string(), z.unknown())
  .refine((value) => isStorable(value, metadataDepthMax), {
    message: `Input should be valid text, nested ${metadataDepthMax} deep at most`,
    abort: true, // one that is nested without end cannot be measured either
  })
  .refine(
    (value) => JSON.stringify(value).length <= metadataCharactersMax,
    `Input should have ${metadataCharactersMax} characters at most`,
  );

function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isText(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  return Object.entries(value).every(([name, member]) => isText(name) && isStorable(member, depth - 1));
}

/**
 * What can be set on a key: LiteLLM's fields that we store. The others are not in the schema: whether they may be
 * ignored is for the route to say. null is the same as absent when a key is made, and clears the field when it is
 * changed, but for `models`, `metadata`, `tags` and `blocked`, where it changes nothing.
 */
const keyFields = {
  /** Unique over all keys. */
  key_alias: Text.min(1).nullish(),
  /** Lifetime, from now on. */
  duration: z.string().nullish(),
  /** Empty: every alias. */
  models: z.array(Text.min(1)).max(1000).nullish(),
  /** USD. */
  max_budget: z.number().nullish(),
  budget_duration: z.string().nullish(),
  rpm_limit: z.int().nullish(),
  tpm_limit: z.int().nullish(),
  max_parallel_requests: z.int().nullish(),
  metadata: Metadata.nullish(),
  /** Stored as `metadata.tags`. */
  tags: z.array(Text).max(100).nullish(),
  user_id: Text.nullish(),
  team_id: Text.nullish(),
  organization_id: Text.nullish(),
  blocked: z.boolean().nullish(),
};

const KeyFields = z.object(keyFields);
export type KeyFields = z.infer<typeof KeyFields>;

/** POST /key/generate. */
export const KeyGenerateRequest = z.object({
  ...keyFields,
  /** The key itself, chosen by the operator. */
  key: z.string().nullish(),
});

/** POST /key/update. Without `key`, `key_alias` says which; with it, `key_alias` is the new one. */
export const KeyUpdateRequest = z.object({ ...keyFields, key: z.string().nullish() });

/** POST /key/block and /key/unblock. */
export const KeyBlockRequest = z.object({ key: z.string() });

/** POST /key/delete. */
export const KeyDeleteRequest = z.object({
  keys: z.array(Text).max(1000).nullish(),
  key_aliases: z.array(Text).max(1000).nullish(),
});

/** A key as answers show it, without its hash. What we do not have is there with LiteLLM's default. */
export interface KeyInfo {
  readonly key_name: string;
  readonly key_alias: string | null;
  /** USD, in the current window of the budget. */
  readonly spend: number;
  readonly expires: string | null;
  readonly models: readonly string[];
  readonly max_budget: number | null;
  readonly budget_duration: string | null;
  /** End of the current window; null: the budget never resets. */
  readonly budget_reset_at: string | null;
  readonly rpm_limit: number | null;
  readonly tpm_limit: number | null;
  readonly max_parallel_requests: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly user_id: string | null;
  readonly team_id: string | null;
  readonly organization_id: string | null;
  readonly blocked: boolean;
  readonly created_at: string;
  readonly created_by: string | null;
  readonly updated_at: string;
  readonly updated_by: string | null;
  readonly [notStored: string]: unknown;
}

/** The rest of a LiteLLM key row, as a key has it that never used these. */
export const keyInfoDefaults = {
  soft_budget: null,
  soft_budget_cooldown: false,
  aliases: {},
  config: {},
  project_id: null,
  agent_id: null,
  permissions: {},
  allowed_cache_controls: [],
  allowed_routes: [],
  key_type: 'default',
  model_spend: {},
  model_max_budget: {},
  budget_fallbacks: null,
  budget_limits: null,
  budget_id: null,
  object_permission_id: null,
  object_permission: null,
  access_group_ids: null,
  router_settings: null,
  auto_rotate: false,
  rotation_count: 0,
  rotation_interval: null,
  last_rotation_at: null,
  key_rotation_at: null,
  last_active: null,
  litellm_budget_table: null,
} as const;
