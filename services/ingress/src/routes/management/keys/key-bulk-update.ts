import { KeyBulkUpdateRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import type { VirtualKey } from '../../../auth/authenticated.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { refuseUnsupported } from '../unsupported-fields.ts';
import { findKey, keyHashOf } from './find-key.ts';
import { keyInfoOf, keyRowsOf } from './key-info-of.ts';
import { updateKey } from './key-update.ts';

/** POST /key/bulk_update. Each key for itself: one that cannot be changed so stays as it is, and is told of. */
export function keyBulkUpdate(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys, scopeOf } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { keys: updates } = parseManagementBody(KeyBulkUpdateRequest, req.body);
    for (const body of req.body.keys) refuseUnsupported(body, { isNew: false });
    const scope = await scopeOf(authenticated);

    const changed: { readonly named: string; readonly key: VirtualKey }[] = [];
    const failed: { readonly named: string; readonly error: GatewayError }[] = [];
    for (const { key: named, ...fields } of updates) {
      try {
        const key = await updateKey(deps, req, { authenticated, scope, hash: keyHashOf(named), fields });
        changed.push({ named, key });
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failed.push({ named, error });
      }
    }
    const rows = await keyRowsOf(
      changed.map(({ key }) => key),
      deps,
    );
    res.json({
      total_requested: updates.length,
      successful_updates: changed.map(({ named }, index) => ({ key: named, key_info: rows[index] })),
      failed_updates: await Promise.all(
        failed.map(async ({ named, error }) => ({
          key: named,
          key_info: await infoOfUnchanged(named),
          failed_reason: error.message,
        })),
      ),
    });
  };

  async function infoOfUnchanged(named: string) {
    const key = await findKey(keys, named).catch(() => null);
    return key && keyInfoOf(key, deps);
  }
}
