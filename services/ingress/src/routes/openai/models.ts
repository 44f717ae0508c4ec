import { queryBoolean } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import type { KnownModels } from '../../models/known-models.ts';
import { isUnknown, namedModels } from '../../models/named-models.ts';
import { maySee, visibleModels } from '../../models/visible-models.ts';
import type { ModelsDeps } from '../../models/visible-models.ts';
import { modelInPath } from './model-in-path.ts';

/** LiteLLM gives every model the same birthday; some clients compare it. */
const created = 1_677_610_602;
const modelObject = (id: string) => ({ id, object: 'model', created, owned_by: 'openai' });

/**
 * GET /v1/models: what the caller may use. A wildcard stands for the models that there are; itself it is listed only
 * when asked for with `return_wildcard_routes`.
 */
export function listModels(deps: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const caller = await deps.authenticate(req);
    const { return_wildcard_routes: withWildcards } = parseQuery(ModelsQuery, req.query);
    const { wildcards } = deps.names;
    const known = wildcards.length === 0 ? nothing : await deps.knownModels();
    const names = visibleModels(deps.names, known, caller).map(({ name }) => name);
    const patterns = withWildcards ? wildcards.map(({ pattern }) => pattern) : [];
    res.json({
      object: 'list',
      data: [...names, ...patterns.filter((name) => maySee(caller, { name }))].map(modelObject),
    });
  };
}

const nothing: KnownModels = new Map();
export const ModelsQuery = z.object({ return_wildcard_routes: queryBoolean.default(false) });

/** GET /v1/models/{id}. The name may have slashes in it. */
export function retrieveModel(deps: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const caller = await deps.authenticate(req);
    const id = modelInPath(req) ?? '';
    if (!maySee(caller, deps.names.resolve(id) ?? { name: id }) || !(await exists(deps, id))) {
      throw new GatewayError('not_found', `The model '${id}' does not exist or you do not have access to it.`, {
        param: 'model',
      });
    }
    res.json(modelObject(id));
  };
}

/** Of a name that only a wildcard fits, the provider knows; if nobody can ask it, the name gets the benefit of the doubt. */
async function exists({ names, knownModels }: ModelsDeps, id: string): Promise<boolean> {
  if (names.aliases.has(id)) return true;
  const alias = names.resolve(id);
  if (alias === null) return false;
  const known = await knownModels();
  return isUnknown(alias, known) || namedModels(names, known).some(({ name }) => name === id);
}
