import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '@sluice/shared/errors.ts';

/** Where a key may be, in this order: the first header that is there decides, also when what it holds is no key. */
export const keyHeaders = [
  { name: 'x-litellm-api-key', bearer: 'allowed' },
  { name: 'authorization', bearer: 'required' },
  { name: 'api-key', bearer: 'none' },
  { name: 'x-api-key', bearer: 'none' },
  { name: 'x-goog-api-key', bearer: 'none' },
  { name: 'ocp-apim-subscription-key', bearer: 'none' },
] as const;

/**
 * The key that a request carries, not yet looked at.
 *
 * @throws GatewayError key_missing or key_malformed
 * @see litellm-contract.md §1.2
 */
export function keyFromHeaders(headers: IncomingHttpHeaders): string {
  for (const { name, bearer } of keyHeaders) {
    const value = headers[name];
    if (typeof value !== 'string') continue;

    const token = bearer === 'none' ? undefined : /^Bearer +(.*)$/i.exec(value)?.[1];
    const key = (bearer === 'required' ? token : (token ?? value))?.trim();
    if (key === undefined || key === '' || (bearer === 'allowed' && /^Bearer$/i.test(key))) throw malformed();
    return key;
  }
  throw new GatewayError('key_missing', 'Authentication Error, No api key passed in.');
}

function malformed(): GatewayError {
  return new GatewayError(
    'key_malformed',
    'Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.',
  );
}
