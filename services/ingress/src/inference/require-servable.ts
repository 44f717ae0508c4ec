import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { aliasNameMax } from '@sluice/shared/config/resolve-alias.ts';
import { regionNotAllowed } from '@sluice/shared/config/region-group.ts';
import { kindOf } from '@sluice/shared/contracts/call-type.ts';
import type { JobKind } from '@sluice/shared/contracts/call-type.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { requireModel, requireModelFor } from '../auth/may-use-model.ts';
import { isIn } from '../surfaces/openai/asked-region.ts';
import type { RequestControls } from '../surfaces/openai/request-controls.ts';
import type { Attribution } from '../tenancy/attribution.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Ask } from './admit-job.ts';
import { endUserMissing, refuseOperatorsParams, requireParams } from './required-params.ts';

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

export interface AskedBy {
  /** null: the operator, who may use every model. */
  readonly principal: Principal | null;
  readonly attribution: Attribution;
  readonly regions: RequestControls['regions'];
  readonly endUser: string | null;
  /** The request has to name one. */
  readonly needsEndUser: boolean;
}

/**
 * What a request is refused for before anything is counted: at admission, and when a line of a batch is checked. In the
 * order in which clients are told.
 *
 * @param alias what the model's name resolves to
 * @throws GatewayError model_not_allowed and its kind, unknown_model, region_not_allowed; invalid_request for a model
 *   that does something else, and for parameters that are missing or not the client's to set
 */
export function requireServable(
  { body, callType }: Pick<Ask, 'body' | 'callType'>,
  { path, alias }: { readonly path: string; readonly alias: Alias | null },
  { principal, attribution, regions, endUser, needsEndUser }: AskedBy,
): void {
  const model = alias ?? { name: body.model };
  if (alias === null && body.model.length > aliasNameMax) throw nameTooLong(path);
  if (principal) requireModel(principal, model);
  if (principal) requireModelFor(attribution, model);
  requireAlias(alias, { model: body.model, kind: kindOf(callType), path });
  if (!isIn(alias, regions)) throw regionNotAllowed(alias.name, regions, endUser);
  if (principal && needsEndUser && endUser === null) throw endUserMissing(path);
  if (principal) requireParams(principal.key, body, path);
  refuseOperatorsParams(body, path);
}

/** Whoever it may be, it is none of ours; and refusals repeat it. */
function nameTooLong(path: string): GatewayError {
  const message = `${path}: Invalid model name passed in: no model has a name of more than ${aliasNameMax} characters.`;
  return new GatewayError('unknown_model', message, { param: 'model' });
}

function requireAlias(
  alias: Alias | null,
  { model, kind, path }: { readonly model: string; readonly kind: JobKind; readonly path: string },
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
