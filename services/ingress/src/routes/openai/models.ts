import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { listedNames, resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import type { VirtualKey } from '../../auth/authenticated.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import { mayUseAlias } from '../../auth/may-use-model.ts';

export interface ModelsDeps {
  readonly authenticate: Authenticate;
  readonly config: GatewayConfig;
}

/** LiteLLM gives every model the same birthday; some clients compare it. */
const created = 1_677_610_602;
const modelObject = (id: string) => ({ id, object: 'model', created, owned_by: 'openai' });

/** GET /v1/models: the aliases that the caller may use; those of wildcards as far as the price book knows models. */
export function listModels({ authenticate, config }: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const { key } = await authenticate(req.headers);
    const allowed = listedNames(config).filter((name) => mayBeSeen(name, key, config));
    res.json({ object: 'list', data: allowed.map(modelObject) });
  };
}

/** GET /v1/models/{id}. */
export function retrieveModel({ authenticate, config }: ModelsDeps): RequestHandler {
  return async (req, res) => {
    const { key } = await authenticate(req.headers);
    const id = String(req.params['model']);
    if (!mayBeSeen(id, key, config)) {
      throw new GatewayError('not_found', `The model '${id}' does not exist or you do not have access to it.`, {
        param: 'model',
      });
    }
    res.json(modelObject(id));
  };
}

function mayBeSeen(name: string, key: VirtualKey | null, config: GatewayConfig): boolean {
  const alias = resolveAlias(config, name);
  return alias !== null && (key === null || mayUseAlias(key, alias));
}
