import type { ReadAliases } from './aliases.ts';
import { checkKeys } from './check-keys.ts';
import { allowedFailsDefault, byErrorClass, readAllowedFails, readAllowedFailsPolicy } from './allowed-fails.ts';
import { type CooldownSettings, type RetryPolicy, type RouterSettings, routingStrategies } from './router-config.ts';
import { isKnownName, unknownAlias } from './model-group-aliases.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';

type RoutingSettings = Pick<
  RouterSettings,
  'strategy' | 'lowestLatencyBuffer' | 'latencyTtlMs' | 'cooldowns' | 'retryPolicies' | 'preCallChecks' | 'tagFiltering'
>;

/** LiteLLM's defaults. */
const defaultCooldownMs = 5_000;
const defaultLatencyTtlMs = 3_600_000;

/** More is no retry but a loop. */
const retries = { integer: true, min: 0, max: 100 } as const;

/** The key of the policy for all aliases. */
const anyAlias = '*';

/** How a deployment is chosen, how often it is tried again, and when it is left alone. */
export function readRoutingSettings(
  { router, litellm }: { router: Section; litellm: Section },
  known: ReadAliases,
): RoutingSettings {
  const args = router.section('routing_strategy_args');
  checkKeys(args, vocabularies.routingStrategyArgs);
  const filtersTags = router.boolean('enable_tag_filtering') ?? false;
  const matchAny = router.boolean('tag_filtering_match_any') ?? true;
  return {
    strategy: router.oneOf('routing_strategy', routingStrategies) ?? 'simple-shuffle',
    lowestLatencyBuffer: args.number('lowest_latency_buffer', { min: 0, max: 1_000 }) ?? 0,
    latencyTtlMs: args.seconds('ttl', { min: 0.001 }) ?? defaultLatencyTtlMs,
    cooldowns: readCooldowns(router, litellm),
    retryPolicies: readRetryPolicies(router, known),
    preCallChecks: router.boolean('enable_pre_call_checks') ?? false,
    tagFiltering: filtersTags ? (matchAny ? 'any' : 'all') : 'off',
  };
}

function readCooldowns(router: Section, litellm: Section): CooldownSettings {
  const allowedFailsPolicy = readAllowedFailsPolicy(router);
  const ofRouter = readAllowedFails(router);
  const ofLitellm = readAllowedFails(litellm);
  // A policy for some classes leaves the others to the default.
  const byPolicy = Object.keys(allowedFailsPolicy).length > 0 ? allowedFailsDefault : null;
  return {
    enabled: !(router.boolean('disable_cooldowns') ?? false),
    cooldownMs: router.seconds('cooldown_time', { min: 0 }) ?? defaultCooldownMs,
    allowedFails: ofRouter ?? ofLitellm ?? byPolicy,
    allowedFailsPolicy,
  };
}

function readRetryPolicies(router: Section, known: ReadAliases): ReadonlyMap<string, RetryPolicy> {
  const policies = new Map<string, RetryPolicy>();
  if (router.has('retry_policy')) policies.set(anyAlias, readRetryPolicy(router.section('retry_policy')));
  const groups = router.section('model_group_retry_policy');
  for (const name of groups.keys) {
    if (!isKnownName(name, known)) groups.problem(name, unknownAlias(name, JSON.stringify(name.slice(0, 80)), known));
    policies.set(name, readRetryPolicy(groups.section(name)));
  }
  return policies;
}

function readRetryPolicy(section: Section): RetryPolicy {
  checkKeys(section, vocabularies.retryPolicy);
  const byDefault = section.number('DefaultRetries', retries);
  return {
    ...byErrorClass((name) => section.number(`${name}Retries`, retries)),
    ...(byDefault !== null && { Default: byDefault }),
  };
}
