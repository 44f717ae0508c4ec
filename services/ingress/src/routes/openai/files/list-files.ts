import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { ownerOf } from '../../../files/owner.ts';
import { parseBody } from '../../../http/parse-body.ts';
import { shownPage } from '../shown-page.ts';
import { toFileObject } from './file-object.ts';
import type { FilesDeps } from './files-deps.ts';

const limitMax = 10_000;

export const FilesQuery = z.object({
  purpose: Text.optional(),
  limit: queryInteger({ min: 1, max: limitMax }).default(limitMax),
  order: z.enum(['asc', 'desc']).default('desc'),
  after: Text.optional(),
});

/** GET /v1/files: the caller's, the latest first unless asked otherwise. */
export function listFiles({ authenticate, files }: FilesDeps): RequestHandler {
  return async (req, res) => {
    const owner = ownerOf(await authenticate(req));
    const { purpose, limit, order, after } = parseBody(FilesQuery, req.query);
    const found = await files.list(owner, { purpose, after, descending: order === 'desc', limit: limit + 1 });
    if (found === null) {
      throw new GatewayError('invalid_request', `No such File object: ${after}`, { param: 'after' });
    }
    res.json(shownPage(found.slice(0, limit).map(toFileObject), found.length > limit));
  };
}
