import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { requireAllowedRoute } from '../../src/auth/allowed-routes.ts';

const cases: { routes?: string[]; type?: VirtualKey['keyType']; path: string; may: boolean }[] = [
  { path: '/anything', may: true },
  { routes: ['/v1/models'], path: '/v1/models', may: true },
  { routes: ['/v1/models'], path: '/models', may: false },
  { routes: ['/v1/*'], path: '/v1/chat/completions', may: true },
  { routes: ['/v1/*'], path: '/chat/completions', may: false },
  { routes: ['/key/*'], path: '/key/generate', may: true },
  { routes: ['/key/*'], path: '/team/new', may: false },
  { routes: ['llm_api_routes'], path: '/chat/completions', may: true },
  { routes: ['llm_api_routes'], path: '/v1/chat/completions', may: true },
  { routes: ['llm_api_routes'], path: '/engines/a/b/embeddings', may: true },
  { routes: ['llm_api_routes'], path: '/v2/rerank', may: true },
  { routes: ['llm_api_routes'], path: '/key/info', may: false },
  { routes: ['openai_routes'], path: '/v1/rerank', may: false },
  { routes: ['info_routes'], path: '/key/info', may: true },
  { routes: ['info_routes'], path: '/team/daily/activity', may: true },
  { routes: ['info_routes'], path: '/user/daily/activity/aggregated', may: true },
  { routes: ['info_routes'], path: '/global/activity/model', may: true },
  { routes: ['info_routes'], path: '/global/spend', may: true },
  { routes: ['info_routes'], path: '/provider/budgets', may: true },
  { routes: ['info_routes'], path: '/global/all_end_users', may: true },
  { routes: ['info_routes'], path: '/cost/estimate', may: true },
  { routes: ['info_routes'], path: '/key/generate', may: false },
  { routes: ['management_routes', '/v1/models'], path: '/v1/models', may: true },
  { routes: ['management_routes'], path: '/v1/chat/completions', may: false },
  { type: 'llm_api', path: '/v1/embeddings', may: true },
  { type: 'llm_api', path: '/key/generate', may: false },
  { type: 'management', path: '/team/new', may: true },
  { type: 'management', path: '/v1/chat/completions', may: false },
  { type: 'read_only', path: '/key/info', may: true },
  { type: 'read_only', path: '/chat/completions', may: false },
  { type: 'read_only', routes: ['/chat/completions'], path: '/chat/completions', may: true },
];

for (const { routes = [], type = 'default', path, may } of cases) {
  test(`allowed routes: ${type} [${routes.join(', ')}] may${may ? '' : ' not'} call ${path}`, () => {
    const ask = () => requireAllowedRoute({ allowedRoutes: routes, keyType: type }, path);
    if (may) assert.doesNotThrow(ask);
    else assert.throws(ask, { code: 'route_not_allowed' });
  });
}

test('allowed routes: the refusal has the text that clients look for', () => {
  assert.throws(() => requireAllowedRoute({ allowedRoutes: ['/a', '/b/*'], keyType: 'default' }, '/c'), {
    message:
      "Virtual key is not allowed to call this route. Only allowed to call routes: ['/a', '/b/*']. Tried to call route: /c",
  });
});
