import { Text } from '@sluice/shared/api/litellm/text.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../../http/parse-body.ts';
import { modelGroupInfo } from '../../../models/model-group-info.ts';
import { modelInfosOf } from '../../../models/model-info.ts';
import { visibleModels } from '../../../models/visible-models.ts';
import type { ModelsDeps } from '../../../models/visible-models.ts';

/** GET /model_group/info: each name that the caller may use, with what its deployments have together. */
export function modelGroups(deps: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const caller = await deps.authenticate(req);
    const { model_group: asked } = parseQuery(ModelGroupQuery, req.query);
    const known = await deps.knownModels();
    const named = visibleModels(deps.names, known, caller).filter(({ name }) => (asked ?? name) === name);
    const about = { prices: deps.prices, known, now: deps.now(), forOperator: false };
    res.json({ data: named.map((each) => modelGroupInfo(each, modelInfosOf(each, about))) });
  };
}

export const ModelGroupQuery = z.object({ model_group: Text.optional() });
