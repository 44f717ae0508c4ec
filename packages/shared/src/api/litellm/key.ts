import { z } from 'zod';
import { limitFields } from './limits.ts';
import type { LimitInfo, SpentInfo } from './limits.ts';
import { isText, Text } from './text.ts';

/** Copied into every job and every spend row of the key, hence small. */
const metadataCharactersMax = 65_536;
const metadataDepthMax = 16;

export const Metadata = z
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
 * changed, but for `models`, `metadata`, `tags`, `key_type` and `blocked`, where it changes nothing.
 */
const keyFields = {
  /** Unique over all keys. */
  key_alias: Text.min(1).nullish(),
  /** Lifetime, from now on. */
  duration: z.string().nullish(),
  /** Empty: every alias. */
  models: z.array(Text.min(1)).max(1000).nullish(),
  ...limitFields,
  /** Limits for what the key has no own of. */
  budget_id: Text.min(1).nullish(),
  /** USD on top of the budget, until the expiry. */
  temp_budget_increase: z.number().nullish(),
  temp_budget_expiry: z.iso.datetime({ offset: true }).nullish(),
  /** Model → models that are asked when its own budget is spent. */
  budget_fallbacks: z.record(Text, z.array(Text.min(1)).max(20)).nullish(),
  /** Request model → alias. */
  aliases: z.record(Text.min(1), Text.min(1)).nullish(),
  access_group_ids: z.array(Text.min(1)).max(1000).nullish(),
  allowed_routes: z.array(Text.min(1)).max(1000).nullish(),
  key_type: z.enum(['llm_api', 'management', 'read_only', 'default']).nullish(),
  permissions: Metadata.nullish(),
  /** Fields that its requests must have. */
  enforced_params: z.array(Text.min(1)).max(100).nullish(),
  /** Asked when a request's own model fails and the request names no fallbacks. */
  fallback_model: z.union([Text.min(1), z.array(Text.min(1)).max(20)]).nullish(),
  /** Of requests that name none; 0 is the soonest. */
  priority: z.int().min(0).max(255).nullish(),
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

/** Keys that one request may name. */
const keysMax = 500;

/** POST /key/bulk_update. Each as in /key/update. */
export const KeyBulkUpdateRequest = z.object({
  keys: z
    .array(z.object({ ...keyFields, key: z.string() }))
    .min(1)
    .max(keysMax),
});

/** POST /key/regenerate and /key/{key}/regenerate. What it names changes with the key. */
export const KeyRegenerateRequest = z.object({
  ...keyFields,
  key: z.string().nullish(),
  /** The new key itself, chosen by the operator. */
  new_key: z.string().nullish(),
  new_master_key: z.string().nullish(),
  /** How long the old key stays valid. */
  grace_period: z.string().nullish(),
});

/** POST /v2/key/info. */
export const KeysInfoRequest = z.object({ keys: z.array(Text).min(1).max(keysMax) });

/** POST /key/{key}/reset_spend. USD. */
export const KeyResetSpendRequest = z.object({ reset_to: z.number() });

/** POST /key/block and /key/unblock. */
export const KeyBlockRequest = z.object({ key: z.string() });

/** POST /key/delete. */
export const KeyDeleteRequest = z.object({
  keys: z.array(Text).max(1000).nullish(),
  key_aliases: z.array(Text).max(1000).nullish(),
});

/** A key as answers show it, without its hash. What we do not have is there with LiteLLM's default. */
export interface KeyInfo extends LimitInfo, SpentInfo {
  readonly key_name: string;
  readonly key_alias: string | null;
  readonly expires: string | null;
  readonly models: readonly string[];
  readonly budget_id: string | null;
  readonly litellm_budget_table: Readonly<Record<string, unknown>> | null;
  readonly temp_budget_increase: number | null;
  readonly temp_budget_expiry: string | null;
  readonly budget_fallbacks: Readonly<Record<string, readonly string[]>> | null;
  readonly aliases: Readonly<Record<string, string>>;
  readonly access_group_ids: readonly string[] | null;
  readonly allowed_routes: readonly string[];
  readonly key_type: string;
  readonly permissions: Readonly<Record<string, unknown>>;
  readonly enforced_params: readonly string[] | null;
  readonly fallback_model: readonly string[] | null;
  readonly priority: number | null;
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
  soft_budget_cooldown: false,
  config: {},
  project_id: null,
  agent_id: null,
  allowed_cache_controls: [],
  model_spend: {},
  object_permission_id: null,
  object_permission: null,
  router_settings: null,
  auto_rotate: false,
  rotation_count: 0,
  rotation_interval: null,
  last_rotation_at: null,
  key_rotation_at: null,
  last_active: null,
} as const;

/** What LiteLLM repeats of the request when it makes a key, besides the row; here nothing of it can be set. */
export const madeKeyDefaults = {
  tpm_limit_type: null,
  rpm_limit_type: null,
  mcp_rpm_limit: null,
  tag_rpm_limit: null,
  throttle_on_budget_exceeded: null,
  guardrails: null,
  policies: null,
  prompts: null,
  disable_global_guardrails: null,
  allowed_passthrough_routes: null,
  allowed_vector_store_indexes: null,
  send_invite_email: null,
} as const;
