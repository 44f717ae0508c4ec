import { matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { VirtualKey } from './authenticated.ts';

/** Names that stand for many routes; contract §1.3. Each route also with `/v1` before it. */
const routeGroups: Readonly<Record<string, readonly string[]>> = {
  openai_routes: [
    '/chat/completions',
    '/completions',
    '/embeddings',
    '/moderations',
    '/models',
    '/models/*',
    '/files',
    '/files/*',
    '/batches',
    '/batches/*',
    '/engines/*',
    '/openai/deployments/*',
  ],
  llm_api_routes: ['openai_routes', '/rerank', '/v2/rerank'],
  info_routes: [
    '/key/info',
    '/v2/key/info',
    '/key/list',
    '/key/aliases',
    '/key/health',
    '/team/info',
    '/team/list',
    '/v2/team/list',
    '/team/permissions_list',
    '/user/info',
    '/v2/user/info',
    '/user/list',
    '/organization/info',
    '/organization/list',
    '/customer/info',
    '/customer/list',
    '/end_user/info',
    '/end_user/list',
    '/budget/info',
    '/budget/list',
    '/budget/settings',
    '/tag/info',
    '/tag/list',
    '/models',
    '/models/*',
    '/model/info',
    '/v2/model/info',
    '/model_group/info',
    '/spend/*',
    '/cost/estimate',
    '/global/spend',
    '/global/spend/*',
    '/global/activity',
    '/global/activity/*',
    '/global/all_end_users',
    '/provider/budgets',
    '/*/daily/activity',
    '/*/daily/activity/*',
    '/audit',
    '/audit/*',
    '/health*',
    '/openapi.json',
  ],
  management_routes: [
    '/key/*',
    '/v2/key/*',
    '/team/*',
    '/v2/team/*',
    '/user/*',
    '/v2/user/*',
    '/organization/*',
    '/customer/*',
    '/end_user/*',
    '/budget/*',
    '/tag/*',
    '/model/*',
    '/v2/model/*',
    '/model_group/info',
  ],
};

/** What keys of a type may reach, if they have no routes of their own. */
const routesOfType: Readonly<Record<VirtualKey['keyType'], readonly string[]>> = {
  default: [],
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
};

/** @throws GatewayError route_not_allowed; clients look for `not allowed to call this route` in its text */
export function requireAllowedRoute(
  { allowedRoutes, keyType }: Pick<VirtualKey, 'allowedRoutes' | 'keyType'>,
  path: string,
): void {
  const allowed = allowedRoutes.length > 0 ? allowedRoutes : routesOfType[keyType];
  if (allowed.length === 0 || allowed.some((entry) => isAllowed(entry, path))) return;
  const routes = allowed.map((route) => `'${route}'`).join(', ');
  throw new GatewayError(
    'route_not_allowed',
    'Virtual key is not allowed to call this route. ' +
      `Only allowed to call routes: [${routes}]. Tried to call route: ${path}`,
  );
}

/** Whether an entry of a key's list can mean anything: a path, a pattern, or a group. */
export function isRouteEntry(entry: string): boolean {
  return /^[/*]/.test(entry) || Object.hasOwn(routeGroups, entry);
}

function isAllowed(entry: string, path: string): boolean {
  const group = Object.hasOwn(routeGroups, entry) ? routeGroups[entry] : undefined;
  if (group !== undefined) return group.some((member) => isAllowed(member, path) || isAllowed(member, withoutV1(path)));
  return matchWildcard(entry, path) !== null;
}

/** Routes are served with `/v1` and without. */
function withoutV1(path: string): string {
  return path.startsWith('/v1/') ? path.slice('/v1'.length) : path;
}
