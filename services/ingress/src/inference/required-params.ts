import { GatewayError } from '@sluice/shared/errors.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import type { OriginBody } from '../surfaces/openai/request-origin.ts';

/** @throws GatewayError invalid_request for a request without what its key has to send */
export function requireParams({ enforcedParams }: VirtualKey, body: OriginBody, path: string): void {
  const missing = enforcedParams.find((param) => valueAt(body, param) == null);
  if (missing === undefined) return;
  const message = `${path}: Missing required parameter: '${missing}'. This key has to send it.`;
  throw new GatewayError('invalid_request', message, { param: missing });
}

/** `general_settings.enforce_user_param`. */
export function endUserMissing(path: string): GatewayError {
  const message = `${path}: Missing required parameter: 'user'. Every request here has to say whom it is for.`;
  return new GatewayError('invalid_request', message, { param: 'user' });
}

/** Where a call goes, and as whom, is the configuration's to say (contract §1.4). */
const operatorsParams = ['api_base', 'api_key', 'base_url'] as const;

/** @throws GatewayError invalid_request for a request that says where it is to go, or as whom */
export function refuseOperatorsParams(body: OriginBody, path: string): void {
  const param = operatorsParams.find((name) => body[name] != null);
  if (param === undefined) return;
  const message = `${path}: '${param}' is not allowed in a request: deployments have it in the configuration.`;
  throw new GatewayError('invalid_request', message, { param });
}

/** @param param with dots for what is inside of another: `metadata.generation_name` */
function valueAt(body: unknown, param: string): unknown {
  return param
    .split('.')
    .reduce<unknown>((value, name) => (isMembers(value) && Object.hasOwn(value, name) ? value[name] : undefined), body);
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
