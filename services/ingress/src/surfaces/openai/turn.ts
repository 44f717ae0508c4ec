import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { priorityMax } from '@sluice/shared/contracts/turn.ts';
import type { Turn } from '@sluice/shared/contracts/turn.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';

const Priority = z.coerce.number().int().min(0).max(priorityMax).nullish();

/**
 * What decides when it is a request's turn: whose share it takes, and what its body says of it (`priority`, as
 * LiteLLM has it; `service_tier: "flex"`, OpenAI's word for what may wait).
 *
 * @param keyPriority of requests that name none; null: as configured
 * @throws GatewayError invalid_request naming `priority`
 */
export function turnOf(
  body: Readonly<Record<string, unknown>>,
  caller: Caller,
  config: GatewayConfig,
  keyPriority: number | null = null,
): Turn {
  const priority = Priority.safeParse(body['priority']);
  if (!priority.success) {
    const message = `Invalid value for 'priority': it must be an integer from 0, the soonest, to ${priorityMax}.`;
    throw new GatewayError('invalid_request', message, { param: 'priority' });
  }
  const { weights, defaultWeight } = config.sluice.fairShare;
  const name = caller.teamId ?? caller.keyAlias;
  return {
    flow: caller.teamId === null ? `key:${caller.keyHash}` : `team:${caller.teamId}`,
    weight: (name === null ? undefined : weights.get(name)) ?? defaultWeight,
    lane: body['service_tier'] === 'flex' ? 'batch' : 'interactive',
    priority: priority.data ?? keyPriority ?? config.router.defaultPriority,
  };
}
