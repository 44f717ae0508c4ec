import type { Alias, Deployment } from '@sluice/shared/config/gateway-config.ts';
import { routingTags } from '@sluice/shared/contracts/caller.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { laneOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { candidatesOf } from '../routing/candidates.ts';
import type { JobDeps } from './job-context.ts';

/** Which of an alias's deployments may be called now, by the rules and by the room they have. */
export interface OpenDeployments {
  /** At least one, or why there is none. */
  find(): readonly Deployment[] | GatewayError;
  /** Whether one of the others takes a call now. */
  hasRoomElsewhere(deployment: Deployment): boolean;
  /** Of these: with room and not tried; else with room; else where a turn comes soonest. */
  preferred(found: readonly Deployment[], tried: ReadonlySet<string>): readonly Deployment[];
}

/** @param step only with an `order` above this, for a prompt of so many tokens */
export function openDeployments(
  alias: Alias,
  step: { readonly above: number; readonly inputTokens: number },
  job: InferenceJob,
  { config: { router }, cooldowns, flow, now }: Pick<JobDeps, 'config' | 'cooldowns' | 'flow' | 'now'>,
): OpenDeployments {
  const lane = laneOfJob(job);
  const tags = routingTags(job.origin);
  return {
    find,
    hasRoomElsewhere({ id }) {
      // Usually nobody has room, and this is asked often.
      if (!alias.deployments.some((other) => other.id !== id && flow.hasRoom(other, lane))) return false;
      const found = find();
      return !(found instanceof GatewayError) && found.some((other) => other.id !== id && flow.hasRoom(other, lane));
    },
    preferred(found, tried) {
      if (found.length < 2) return found;
      const open = found.filter((one) => flow.hasRoom(one, lane));
      const untriedOf = (some: readonly Deployment[]) => some.filter(({ id }) => !tried.has(id));
      const best = [untriedOf(open), open, untriedOf(found)].find((some) => some.length > 0) ?? found;
      return flow.preferred(best, lane);
    },
  };

  /** While all that would be called are throttled, those with room come before them, whatever their `order`. */
  function find(): readonly Deployment[] | GatewayError {
    const found = candidatesAmong(alias);
    if (found instanceof GatewayError || job.fallbacksDisabled) return found;
    if (!found.every((one) => flow.isThrottled(one, lane))) return found;
    const withRoom = alias.deployments.filter((one) => flow.hasRoom(one, lane));
    if (withRoom.length === 0) return found;
    const open = candidatesAmong({ ...alias, deployments: withRoom });
    return open instanceof GatewayError ? found : open;
  }

  function candidatesAmong(some: Alias): readonly Deployment[] | GatewayError {
    const conditions = {
      router,
      cooledDownUntil: (id: string) => cooldowns.until(id),
      tags,
      inputTokens: step.inputTokens,
      now: now(),
    };
    return candidatesOf(some, conditions, step.above);
  }
}
