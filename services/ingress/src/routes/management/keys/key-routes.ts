import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { keyBlock } from './key-block.ts';
import { keyDelete } from './key-delete.ts';
import { keyGenerate } from './key-generate.ts';
import { keyInfo } from './key-info.ts';
import { keyList } from './key-list.ts';
import { keyUnblock } from './key-unblock.ts';
import { keyUpdate } from './key-update.ts';

/** The endpoints for virtual keys; contract §2. */
export function keyRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/key/generate', handler: keyGenerate(deps) },
    { method: 'get', path: '/key/info', handler: keyInfo(deps) },
    { method: 'post', path: '/key/update', handler: keyUpdate(deps) },
    { method: 'post', path: '/key/delete', handler: keyDelete(deps) },
    { method: 'get', path: '/key/list', handler: keyList(deps) },
    { method: 'post', path: '/key/block', handler: keyBlock(deps) },
    { method: 'post', path: '/key/unblock', handler: keyUnblock(deps) },
  ];
}
