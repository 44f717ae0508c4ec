import { ModerationRequest } from '@sluice/shared/api/openai/moderation.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import { moderationInputBounds } from '../../admission/input-bounds.ts';
import type { Authenticated } from '../../auth/authenticated.ts';
import { mayUseAlias } from '../../auth/may-use-model.ts';
import { collectModerations } from '../../surfaces/openai/collect-moderations.ts';
import type { InferenceEndpoint } from '../endpoint.ts';

const path = '/moderations';
export const AnyModeration = ModerationRequest.extend({ model: z.string().min(1).nullish() });

/** POST /v1/moderations. OpenAI's clients need not name a model: then it is the first one that can. */
export const moderations: InferenceEndpoint<z.infer<typeof AnyModeration>> = {
  path,
  callType: 'amoderation',
  mode: 'moderation',
  schema: AnyModeration,
  ask(asked, { authenticated, config }) {
    const body = { ...asked, model: asked.model ?? usualModel(authenticated, config) };
    return {
      body,
      bounds: moderationInputBounds(body),
      outputTokens: 0,
      ...(asked.model == null && { jobBody: body }),
    };
  },
  bodyOf: (model) => ({ model, input: [] }),
  collect: ({ job }, answer, summary) => collectModerations(answer, summary, job.requestId),
};

/** The first alias for moderation that the key may use, else the first one, which is then refused by its name. */
function usualModel({ principal }: Authenticated, { aliases }: GatewayConfig): string {
  const able = [...aliases.values()].filter(({ mode }) => mode === 'moderation');
  const usual = able.find((alias) => principal === null || mayUseAlias(principal, alias)) ?? able[0];
  if (usual !== undefined) return usual.name;
  const message = `${path}: no model for moderation is configured: add one with \`mode: moderation\`.`;
  throw new GatewayError('unknown_model', message, { param: 'model' });
}
