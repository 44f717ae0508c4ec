import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { AuthenticateRequest } from '../../../auth/create-authenticate.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { modelInfosOf } from '../../../models/model-info.ts';
import type { ModelInfo } from '../../../models/model-info.ts';
import { visibleModels } from '../../../models/visible-models.ts';
import type { ModelsDeps } from '../../../models/visible-models.ts';

/** GET /model/info: the deployments that the caller may use, or with `litellm_model_id` one of them. */
export function modelInfo(deps: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const infos = await visibleInfos(deps, req);
    const { litellm_model_id: id } = parseQuery(ModelInfoQuery, req.query);
    const data = id === undefined ? infos : infos.filter(({ model_info }) => model_info.id === id);
    if (id !== undefined && data.length === 0) {
      throw new GatewayError('not_found', `Model id = ${id} not found.`, { param: 'litellm_model_id' });
    }
    res.json({ data });
  };
}

export const ModelInfoQuery = z.object({ litellm_model_id: Text.optional() });

/** GET /v2/model/info: the same in pages, for interfaces. Pages without end are empty. */
export function modelInfoPage(deps: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const infos = await visibleInfos(deps, req);
    const { page, size, model, modelId, search } = parseQuery(ModelInfoPageQuery, req.query);
    const words = search?.toLowerCase() ?? '';
    const found = infos.filter(
      ({ model_name: name, model_info: info }) =>
        (model ?? name) === name && (modelId ?? info.id) === info.id && name.toLowerCase().includes(words),
    );
    res.json({
      data: found.slice((page - 1) * size, page * size),
      total_count: found.length,
      current_page: page,
      total_pages: Math.ceil(found.length / size),
      size,
    });
  };
}

export const ModelInfoPageQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  size: queryInteger({ min: 1, max: 1_000 }).default(50),
  model: Text.optional(),
  modelId: Text.optional(),
  search: Text.optional(),
});

/** Operators also see the wildcards as the configuration has them. */
async function visibleInfos(deps: ModelsDeps, request: AuthenticateRequest): Promise<ModelInfo[]> {
  const caller = await deps.authenticate(request);
  const known = await deps.knownModels();
  const forOperator = caller.role === 'proxy_admin';
  const wildcards = deps.names.wildcards.map(({ pattern, deployments }) => ({
    name: pattern,
    mode: null,
    deployments,
  }));
  const shown = [...visibleModels(deps.names, known, caller), ...(forOperator ? wildcards : [])];
  return shown.flatMap((named) => modelInfosOf(named, { prices: deps.prices, known, now: deps.now(), forOperator }));
}
