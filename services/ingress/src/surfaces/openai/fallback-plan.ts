import type { Alias, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Fallbacks } from '@sluice/shared/config/router-config.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import type { InferenceJob, NextAliases } from '@sluice/shared/contracts/inference-job.ts';

/** What a request says about its fallbacks; what it does not mention is as configured. */
export interface AskedFallbacks {
  /** After the request's own alias, before anything that is for a kind of error. */
  readonly own?: readonly string[];
  readonly general?: Fallbacks;
  readonly contextWindow?: Fallbacks;
  readonly contentPolicy?: Fallbacks;
}

export type FallbackPlan = Pick<InferenceJob, 'fallbacks'> & Partial<Pick<InferenceJob, 'fallbackPlan'>>;

/** Money is reserved for the dearest of them, and the plan travels with the job. */
const aliasesMax = 100;

/**
 * The aliases that may answer in place of `alias`, and which follows which, by the kind of error (contract §8.5):
 * aliases that may not be fallen back to or that answer something else are left out. A name without fallbacks has those of
 * its wildcard, or of the alias it stands for.
 */
export function planFallbacks(
  alias: string,
  asked: AskedFallbacks,
  config: Pick<GatewayConfig, 'aliases' | 'wildcards' | 'router'>,
  mayFallBackTo: (alias: Alias) => boolean,
): FallbackPlan {
  const { router } = config;
  const general = asked.general ?? router.fallbacks;
  const contextWindow = asked.contextWindow ?? router.contextWindowFallbacks;
  const contentPolicy = asked.contentPolicy ?? router.contentPolicyFallbacks;
  if (!asked.own?.length && [general, contextWindow, contentPolicy].every(isEmpty)) return { fallbacks: [] };
  const mode = resolveAlias(config, alias)?.mode;
  const found: string[] = [];
  const plan: Record<string, NextAliases> = {};
  const waiting = [{ name: alias, hops: 0 }];

  for (const { name, hops } of waiting) {
    // The request's own list comes first, whatever the error.
    const own = name === alias ? (asked.own ?? []) : [];
    const hasOwn = name === alias && asked.own !== undefined;
    const usable = (names: readonly string[]) =>
      [...new Set([...own, ...names])]
        .filter((other) => other !== alias && other !== name && isUsable(other))
        .slice(0, router.maxFallbacks - hops);
    const next: NextAliases = {
      any: usable(hasOwn ? [] : listOf(general, name)),
      ...(contextWindow && { contextWindow: usable(listOf(contextWindow, name)) }),
      ...(contentPolicy && { contentPolicy: usable(listOf(contentPolicy, name)) }),
    };
    const all = [...new Set([...next.any, ...(next.contextWindow ?? []), ...(next.contentPolicy ?? [])])];
    if (all.length > 0) plan[name] = next;
    for (const other of all) {
      if (found.includes(other) || found.length >= aliasesMax) continue;
      found.push(other);
      waiting.push({ name: other, hops: hops + 1 });
    }
  }
  return { fallbacks: found, ...(found.length > 0 && { fallbackPlan: plan }) };

  /** Whether a request for `alias` has none of a kind. */
  function isEmpty(lists: Fallbacks | null): boolean {
    return lists === null || lists.size === 0 || listOf(lists, alias).length === 0;
  }

  function isUsable(name: string): boolean {
    const other = resolveAlias(config, name);
    return other !== null && other.mode === mode && mayFallBackTo(other);
  }

  function listOf(lists: Fallbacks, name: string): readonly string[] {
    const queue = resolveAlias(config, name)?.queue;
    return lists.get(name) ?? (queue === undefined ? undefined : lists.get(queue)) ?? lists.get('*') ?? [];
  }
}
