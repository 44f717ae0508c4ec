import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { keyAliases } from './key-aliases.ts';
import { keyBlock } from './key-block.ts';
import { keyBulkUpdate } from './key-bulk-update.ts';
import { keyDelete } from './key-delete.ts';
import { keyGenerate, serviceAccountGenerate } from './key-generate.ts';
import { keyHealth } from './key-health.ts';
import { keyInfo } from './key-info.ts';
import { keyList } from './key-list.ts';
import { keyRegenerate } from './key-regenerate.ts';
import { keyResetSpend } from './key-reset-spend.ts';
import { keyUnblock } from './key-unblock.ts';
import { keyUpdate } from './key-update.ts';
import { keysInfo } from './keys-info.ts';

/** The endpoints for virtual keys; contract §2. */
export function keyRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/key/generate', handler: keyGenerate(deps) },
    { method: 'post', path: '/key/service-account/generate', handler: serviceAccountGenerate(deps) },
    { method: 'get', path: '/key/info', handler: keyInfo(deps) },
    { method: 'post', path: '/v2/key/info', handler: keysInfo(deps) },
    { method: 'post', path: '/key/update', handler: keyUpdate(deps) },
    { method: 'post', path: '/key/bulk_update', handler: keyBulkUpdate(deps) },
    { method: 'post', path: '/key/regenerate', handler: keyRegenerate(deps) },
    { method: 'post', path: '/key/:key/regenerate', handler: keyRegenerate(deps) },
    { method: 'post', path: '/key/:key/reset_spend', handler: keyResetSpend(deps) },
    { method: 'post', path: '/key/delete', handler: keyDelete(deps) },
    { method: 'get', path: '/key/list', handler: keyList(deps) },
    { method: 'get', path: '/key/aliases', handler: keyAliases(deps) },
    { method: 'post', path: '/key/health', handler: keyHealth(deps) },
    { method: 'post', path: '/key/block', handler: keyBlock(deps) },
    { method: 'post', path: '/key/unblock', handler: keyUnblock(deps) },
  ];
}
