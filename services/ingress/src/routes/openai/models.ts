import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import { mayUseModel } from '../../auth/may-use-model.ts';
import { modelInPath } from './model-in-path.ts';

export interface ModelsDeps {
  readonly authenticate: Authenticate;
  readonly config: GatewayConfig;
}

/** LiteLLM gives every model the same birthday; some clients compare it. */
const created = 1_677_610_602;
const modelObject = (id: string) => ({ id, object: 'model', created, owned_by: 'openai' });

/** GET /v1/models: the aliases that the caller may use. */
export function listModels({ authenticate, config }: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const { key } = await authenticate(req.headers);
    const allowed = [...config.aliases.keys()].filter((alias) => key === null || mayUseModel(key, alias));
    res.json({ object: 'list', data: allowed.map(modelObject) });
  };
}

/** GET /v1/models/{id}. */
export function retrieveModel({ authenticate, config }: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const { key } = await authenticate(req.headers);
    const id = modelInPath(req) ?? '';
    if (!config.aliases.has(id) || !(key === null || mayUseModel(key, id))) {
      throw new GatewayError('not_found', `The model '${id}' does not exist or you do not have access to it.`, {
        param: 'model',
      });
    }
    res.json(modelObject(id));
  };
}
