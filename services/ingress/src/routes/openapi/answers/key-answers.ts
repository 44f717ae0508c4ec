import { z } from 'zod';
import { Budget, history, limits, spent, time, usd } from './limit-rows.ts';

const texts = z.array(z.string());

/** What LiteLLM's keys have besides is there too, with its default. */
export const KeyInfo = z.looseObject({
  key_name: z.string().describe('The key, but for its last four characters masked.'),
  key_alias: z.string().nullable(),
  ...spent,
  expires: time.nullable(),
  models: texts.describe('Empty: every alias.'),
  ...limits,
  budget_id: z.string().nullable(),
  litellm_budget_table: Budget.nullable(),
  temp_budget_increase: usd.nullable(),
  temp_budget_expiry: time.nullable(),
  budget_fallbacks: z.record(z.string(), texts).nullable(),
  aliases: z.record(z.string(), z.string()),
  access_group_ids: texts.nullable(),
  allowed_routes: texts,
  key_type: z.string(),
  permissions: z.record(z.string(), z.unknown()),
  enforced_params: texts.nullable(),
  fallback_model: texts.nullable(),
  priority: z.int().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  user_id: z.string().nullable(),
  team_id: z.string().nullable(),
  organization_id: z.string().nullable(),
  blocked: z.boolean(),
  ...history,
});

const token = z.string().describe('The hash of the key.');

/** A key and its hash. */
export const KeyRow = KeyInfo.extend({ token });

export const KeyGenerated = KeyInfo.extend({
  key: z.string().describe('The key itself, which no other answer ever holds.'),
  duration: z.string().nullable().describe('As the request named it.'),
  tags: texts.nullable(),
  token,
  token_id: token,
});

const named = z.string().describe('As the request named it.');

export const KeyUpdated = KeyRow.extend({ key: named });

export const KeyInfoAnswer = z.object({ key: named, info: KeyInfo });

export const KeysDeleted = z.object({ deleted_keys: texts });

const KeyUser = z.object({
  user_id: z.string(),
  user_alias: z.string().nullable(),
  user_email: z.string().nullable(),
  user_role: z.string().nullable(),
});

const ListedKey = KeyRow.extend({ user: KeyUser.nullable().optional().describe('With expand=user.') });

export const KeyPage = z.object({
  keys: z.array(z.union([z.string(), ListedKey])).describe('Hashes, or with return_full_object the keys.'),
  total_count: z.int(),
  current_page: z.int(),
  total_pages: z.int(),
});

export const KeyRows = z.array(KeyRow);

export const KeysInfoAnswer = z.object({ key: texts.describe('As the request named them.'), info: KeyRows });

export const KeyAliases = z.object({
  aliases: texts,
  total_count: z.int(),
  current_page: z.int(),
  total_pages: z.int(),
  size: z.int(),
});

export const KeysBulkUpdated = z.object({
  total_requested: z.int(),
  successful_updates: z.array(z.object({ key: named, key_info: KeyRow })),
  failed_updates: z.array(
    z.object({
      key: named,
      key_info: KeyInfo.nullable().describe('As it still is; null: there is none.'),
      failed_reason: z.string(),
    }),
  ),
});

export const KeySpendReset = z.object({
  key_hash: z.string(),
  spend: usd,
  previous_spend: usd,
  max_budget: usd.nullable(),
  budget_reset_at: time.nullable(),
});

export const KeyHealth = z.object({ key: z.literal('healthy'), logging_callbacks: z.null() });
