import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { tagDelete } from './tag-delete.ts';
import { tagInfo } from './tag-info.ts';
import { tagList } from './tag-list.ts';
import { tagNew } from './tag-new.ts';
import { tagUpdate } from './tag-update.ts';

/** The endpoints for tags; contract §3.6. What they cost is told by routes/spend. */
export function tagRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/tag/new', handler: tagNew(deps) },
    { method: 'post', path: '/tag/update', handler: tagUpdate(deps) },
    { method: 'post', path: '/tag/info', handler: tagInfo(deps) },
    { method: 'post', path: '/tag/delete', handler: tagDelete(deps) },
    { method: 'get', path: '/tag/list', handler: tagList(deps) },
  ];
}
