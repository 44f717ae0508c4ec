import { KeyHash } from '@sluice/shared/ids.ts';
import { z } from 'zod';
import { count, history, json, text, texts, time } from '../sql/columns.ts';
import { limitColumns } from './limits.ts';

export const keyTypes = ['llm_api', 'management', 'read_only', 'default'] as const;

/** A virtual key as stored; times in epoch milliseconds, money in nano-USD, null for "no limit". */
export const VirtualKey = z.object({
  hash: KeyHash,
  /** Its hash when it was made, which its accounts are named by; null: it still has it. */
  firstHash: KeyHash.nullable(),
  keyAlias: text,
  /** `sk-...` and the last four characters. */
  keyName: z.string(),
  /** Empty: every alias. */
  models: texts,
  ...limitColumns,
  budgetId: text,
  /** On top of the budget, until then. */
  tempBudgetIncreaseNanoUsd: count.nullable(),
  tempBudgetExpiresAt: time.nullable(),
  /** Model → models that are asked when its own budget is spent. */
  budgetFallbacks: z.record(z.string(), texts),
  /** Request model → alias. */
  aliases: z.record(z.string(), z.string()),
  /** Groups of aliases that it may use besides `models`. */
  accessGroupIds: texts,
  /** Empty: as its type says. */
  allowedRoutes: texts,
  keyType: z.enum(keyTypes),
  permissions: json,
  /** Fields that its requests must have. */
  enforcedParams: texts,
  /** Asked when a request's own alias fails and the request names none. */
  fallbackModels: texts,
  /** Of requests that name none. */
  priority: z.int().nullable(),
  metadata: json,
  userId: text,
  teamId: text,
  organizationId: text,
  blocked: z.boolean(),
  /** Only the operator and its user have ever been given its secret, so that it may do what its user may. */
  vouched: z.boolean(),
  /** null: never. */
  expiresAt: time.nullable(),
  /** Booked on its account of the window that starts there, and counted as spent no longer: its spend was set back. */
  waivedNanoUsd: count,
  waivedWindowStart: count,
  ...history,
});
export type VirtualKey = Readonly<z.infer<typeof VirtualKey>>;

/** What is booked on a key's account of this window, and counts as spent no longer. */
export function waivedIn(
  { waivedNanoUsd, waivedWindowStart }: Pick<VirtualKey, 'waivedNanoUsd' | 'waivedWindowStart'>,
  windowStart: number,
): number {
  return waivedWindowStart === windowStart ? waivedNanoUsd : 0;
}
