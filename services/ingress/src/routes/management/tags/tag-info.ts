import { TagsNamed } from '@sluice/shared/api/litellm/tag.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagNotFound } from '../refusals.ts';
import { tagRowsOf } from './tag-rows.ts';

/** POST /tag/info. Tags by name: all that are named, or none when one does not exist. */
export function tagInfo(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await deps.authenticate(req), req.path);
    const names = [...new Set(parseManagementBody(TagsNamed, req.body).names)];
    const tags = names.length === 0 ? [] : await deps.tenancy.tags.all({ where: { name: names } }, names.length);
    const missing = names.filter((name) => !tags.some((tag) => tag.name === name));
    if (missing.length > 0) throw tagNotFound(missing, 'names');
    const rows = await tagRowsOf(tags, deps);
    res.json(Object.fromEntries(rows.map((row, index) => [tags[index]?.name, row])));
  };
}
