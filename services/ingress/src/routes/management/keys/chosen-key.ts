import type { GatewayError } from '@sluice/shared/errors.ts';
import { maskText } from '../../../auth/mask-key.ts';
import { refusal } from '../limit-changes.ts';

/**
 * A key that its operator has chosen. It travels in a header, so it has no spaces and only ASCII.
 *
 * @returns null: none was chosen
 * @throws GatewayError invalid_management_request
 */
export function chosenKey(param: 'key' | 'new_key', key: string | null | undefined): string | null {
  if (key === null || key === undefined) return null;
  if (!key.startsWith('sk-'))
    throw badKey(param, `LiteLLM Virtual Key must start with 'sk-'. Received: ${maskText(key)}`);
  if (!/^[\x21-\x7e]{16,255}$/.test(key)) {
    throw badKey(param, 'A chosen key has 16 to 255 visible ASCII characters and no spaces.');
  }
  return key;
}

function badKey(param: string, why: string): GatewayError {
  return refusal(param, `Invalid key format. ${why}`);
}
