import type { Alias, Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';

/** What decides which deployments of an alias may be called. */
export interface Conditions {
  readonly router: Pick<RouterSettings, 'preCallChecks' | 'tagFiltering'>;
  /** When a deployment's cooldown ends, epoch milliseconds; null: it is not cooled down. */
  readonly cooledDownUntil: (id: string) => number | null;
  /** What the request asks for. */
  readonly tags: readonly string[];
  readonly inputTokens: number;
  readonly now: number;
}

/** The tag of deployments for requests that ask for none, and for those that nothing else fits. */
const defaultTag = 'default';

/** The refusal gives up whole seconds, never too few. */
const secondMs = 1_000;

/**
 * The deployments that may be called, in the order of contract §8.5: not blocked, not cooled down, with a context window that is
 * large enough, with the right tags; and of those the ones with the lowest `order`.
 *
 * @param above only with an `order` above this
 * @returns at least one, or why there is none
 */
export function candidatesOf(
  alias: Pick<Alias, 'name' | 'deployments' | 'isOneDeployment'>,
  conditions: Conditions,
  above = -Infinity,
): readonly Deployment[] | GatewayError {
  const inOrder = thatPass(alias.deployments, (one) => one.blocked !== true && orderOf(one) > above);
  if (inOrder.length === 0) return paused(alias.name);
  const isRested = ({ id }: Deployment) => alias.isOneDeployment ?? conditions.cooledDownUntil(id) === null;
  const healthy = thatPass(inOrder, isRested);
  if (healthy.length === 0) return allCooledDown(alias.name, inOrder, conditions);
  const large = conditions.router.preCallChecks ? healthy.filter((one) => holds(one, conditions)) : healthy;
  if (large.length === 0) return contextWindowExceeded(healthy, conditions);
  const tagged = withTags(large, conditions);
  if (tagged.length === 0) return noTag(alias.name, conditions.tags);
  let first = Infinity;
  for (const deployment of tagged) first = Math.min(first, orderOf(deployment));
  return thatPass(tagged, (deployment) => orderOf(deployment) === first);
}

/** Those that pass: usually all of them, and then no other list is made. */
function thatPass(deployments: readonly Deployment[], passes: (one: Deployment) => boolean): readonly Deployment[] {
  return deployments.every(passes) ? deployments : deployments.filter(passes);
}

/** Without an `order` it comes after all that have one. */
export function orderOf({ order }: Pick<Deployment, 'order'>): number {
  return order ?? Infinity;
}

function holds({ maxInputTokens }: Deployment, { inputTokens }: Conditions): boolean {
  return maxInputTokens === null || inputTokens <= maxInputTokens;
}

/** LiteLLM's tag routing: what asks for tags gets those that have them, else the default ones. */
function withTags(
  deployments: readonly Deployment[],
  { router: { tagFiltering }, tags }: Conditions,
): readonly Deployment[] {
  if (tagFiltering === 'off') return deployments;
  const byDefault = deployments.filter((one) => one.tags?.includes(defaultTag));
  if (tags.length === 0) return byDefault.length > 0 ? byDefault : deployments;
  const fits = ({ tags: has = [] }: Deployment) =>
    tagFiltering === 'any' ? tags.some((tag) => has.includes(tag)) : tags.every((tag) => has.includes(tag));
  const fitting = deployments.filter(fits);
  return fitting.length > 0 ? fitting : byDefault;
}

function paused(name: string): GatewayError {
  return new GatewayError('model_paused', `Model '${name}' is currently paused and cannot accept requests.`);
}

function allCooledDown(name: string, resting: readonly Deployment[], conditions: Conditions): GatewayError {
  const ends = resting.map(({ id }) => conditions.cooledDownUntil(id) ?? conditions.now);
  const seconds = Math.max(1, Math.ceil((Math.min(...ends) - conditions.now) / secondMs));
  const ids = resting.map(({ id }) => `'${id}'`).join(', ');
  const checks = conditions.router.preCallChecks ? 'True' : 'False';
  return new GatewayError(
    'all_deployments_in_cooldown',
    `No deployments available for selected model, Try again in ${seconds} seconds. All deployments for selected model are in cooldown. Passed model=${name}. pre-call-checks=${checks}, cooldown_list=[${ids}]`,
    { retryAfterSeconds: seconds },
  );
}

function contextWindowExceeded(deployments: readonly Deployment[], { inputTokens }: Conditions): GatewayError {
  const most = Math.max(...deployments.map(({ maxInputTokens }) => maxInputTokens ?? 0));
  const message = `litellm.ContextWindowExceededError: Context Window exceeded for given call: the prompt has about ${inputTokens} tokens, and no deployment of this model takes more than ${most}.`;
  return new GatewayError('context_window_exceeded', message);
}

function noTag(name: string, tags: readonly string[]): GatewayError {
  const list = tags.map((tag) => `'${tag}'`).join(', ');
  const message = `Not allowed to access model due to tags configuration. Passed model=${name} and tags=[${list}]`;
  return new GatewayError('tags_not_allowed', message);
}
