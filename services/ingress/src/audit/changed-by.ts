import type { IncomingHttpHeaders } from 'node:http';
import { isText } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import type { ChangedBy } from './audit-line.ts';

const header = 'litellm-changed-by';
const lengthMax = 255;

/**
 * Who makes a change. The header only attributes it, for portals that call with one key for many people: who really
 * called stands beside it.
 *
 * @throws GatewayError invalid_management_request for a header that cannot be kept
 * @see litellm-contract.md §2.2
 */
export function changedBy(
  { role, caller }: Pick<Authenticated, 'role' | 'caller'>,
  { headers, ip }: { readonly headers: IncomingHttpHeaders; readonly ip?: string | undefined },
  { requestId, at }: Pick<ChangedBy, 'requestId' | 'at'>,
): ChangedBy {
  const said = headers[header];
  const named = typeof said === 'string' && said !== '' ? said : null;
  if (named !== null && (named.length > lengthMax || !isText(named))) {
    throw new GatewayError('invalid_management_request', `${header} has at most ${lengthMax} characters.`, {
      param: header,
    });
  }
  return {
    at,
    changedBy: named ?? caller.userId ?? caller.keyHash,
    role,
    userId: caller.userId,
    keyHash: caller.keyHash,
    keyName: caller.keyName,
    requestId,
    ipAddress: ip ?? null,
  };
}
