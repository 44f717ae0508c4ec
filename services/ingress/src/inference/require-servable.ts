import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { regionNotAllowed } from '@sluice/shared/config/region-group.ts';
import { kindOf } from '@sluice/shared/contracts/call-type.ts';
import type { JobKind } from '@sluice/shared/contracts/call-type.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { NewJob } from '../dispatch/dispatch.ts';
import { isIn } from '../surfaces/openai/asked-region.ts';
import type { RequestControls } from '../surfaces/openai/request-controls.ts';
import type { Ask } from './admit-job.ts';

/** Where a model of each kind is asked. */
const routes: Readonly<Record<JobKind, string>> = {
  chat: '/v1/chat/completions',
  embedding: '/v1/embeddings',
  rerank: '/v1/rerank',
  moderation: '/v1/moderations',
};

/** @throws GatewayError invalid_request for a `mock_response` to what is answered by no text */
export function requireMockableKind({ callType, body }: Ask): void {
  if (body['mock_response'] == null || kindOf(callType) === 'chat') return;
  const message = "Invalid value for 'mock_response': only a chat can be answered so.";
  throw new GatewayError('invalid_request', message, { param: 'mock_response' });
}

/** @throws GatewayError region_not_allowed */
export function requireRegion({ origin }: NewJob, alias: Alias, regions: RequestControls['regions']): void {
  if (!isIn(alias, regions)) throw regionNotAllowed(alias.name, regions, origin.endUser);
}

/** @throws GatewayError unknown_model; invalid_request for a model that does something else */
export function requireAlias(
  { kind, alias: model }: Pick<NewJob, 'kind' | 'alias'>,
  path: string,
  alias: Alias | null,
): asserts alias {
  if (!alias) {
    const message = `${path}: Invalid model name passed in model=${model}. Call \`/v1/models\` to view available models for your key.`;
    throw new GatewayError('unknown_model', message, { param: 'model' });
  }
  if (alias.mode !== kind) {
    const message = `${path}: the model ${model} does ${alias.mode}, not ${kind}: ask it at ${routes[alias.mode]}.`;
    throw new GatewayError('invalid_request', message, { param: 'model' });
  }
}
