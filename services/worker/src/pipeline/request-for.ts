import { paramNamesIn } from '@sluice/shared/api/litellm/param-names.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';

type Body = Readonly<Record<string, unknown>>;

/**
 * A request's body as one deployment gets it: with the deployment's defaults where the request says nothing, and
 * without what either of them has dropped by name (`additional_drop_params`).
 */
export function requestFor<Request extends Body>(
  { defaultParams, additionalDropParams = [] }: Pick<Deployment, 'defaultParams' | 'additionalDropParams'>,
  body: Request,
): Request {
  const request = { ...defaultParams, ...body };
  const dropped = [...additionalDropParams, ...paramNamesIn(body, 'additional_drop_params')];
  if (dropped.length === 0) return request;
  return { ...request, ...Object.fromEntries(dropped.map((name) => [name, undefined])) };
}

/** Whether what a model does not support is left out: as the request says, else the deployment, else all. */
export function dropsParams(
  body: Body,
  { dropParams }: Pick<Deployment, 'dropParams'>,
  job: { readonly dropParams: boolean },
): boolean {
  const asked = body['drop_params'];
  return typeof asked === 'boolean' ? asked : (dropParams ?? job.dropParams);
}
