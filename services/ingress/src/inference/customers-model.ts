import type { IncomingHttpHeaders } from 'node:http';
import type { Mode } from '@sluice/shared/config/gateway-config.ts';
import { aliasIn } from '@sluice/shared/config/region-group.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { endUserOf } from '../surfaces/openai/request-origin.ts';
import type { InferenceSteps } from './inference-steps.ts';
import { modelIn } from './requested-model.ts';

/**
 * The default model of a request's end user, where it is the one to ask for: for a request that names none, and in
 * place of a model that has no deployment in the end user's regions. undefined: what the body says.
 *
 * @param value the request's body
 * @param mode what the route's models are for: a default model for chats is none for embeddings
 */
export async function customersModel(
  value: unknown,
  { mode, headers }: { readonly mode: Mode; readonly headers: IncomingHttpHeaders },
  { config, customerOf }: Pick<InferenceSteps, 'config' | 'customerOf'>,
): Promise<string | undefined> {
  const endUser = endUserOf(headers, value, config.tenancy.customers.headers);
  const customer = endUser === null ? null : await customerOf(endUser);
  if (customer === null || customer.defaultModel === null) return;
  const region = customer.allowedModelRegion;
  const usual = resolveAlias(config, customer.defaultModel);
  if (usual?.mode !== mode || aliasIn(usual, region).deployments.length === 0) return;
  if (namesNoModel(value)) return usual.name;
  const named = resolveAlias(config, modelIn(value) ?? '');
  return named !== null && aliasIn(named, region).deployments.length === 0 ? usual.name : undefined;
}

function namesNoModel(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !('model' in value) || value.model === null;
}
