import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { candidatesOf } from '../../src/routing/candidates.ts';
import type { Conditions } from '../../src/routing/candidates.ts';
import { deployment } from '../pipeline/recording-deps.ts';

const now = 1_000_000;

interface Case {
  readonly why: string;
  readonly deployments: Record<string, Partial<Deployment>>;
  /** Id → milliseconds from now. */
  readonly cooled?: Record<string, number>;
  readonly router?: Partial<Conditions['router']>;
  readonly tags?: string[];
  readonly inputTokens?: number;
  readonly above?: number;
  readonly is: string[] | { code: string; message: RegExp; retryAfterSeconds?: number };
}

const order = (each: number) => ({ order: each });
const tags = (...each: string[]) => ({ tags: each });
const window = (each: number | null) => ({ maxInputTokens: each });
const any = { tagFiltering: 'any' } as const;
const all = { tagFiltering: 'all' } as const;
const checks = { preCallChecks: true };

const cases: Case[] = [
  { why: 'all, when nothing tells them apart', deployments: { A: {}, B: {} }, is: ['A', 'B'] },
  // Order
  { why: 'the lowest order', deployments: { A: order(2), B: order(1), C: order(1) }, is: ['B', 'C'] },
  { why: 'without an order after those that have one', deployments: { A: {}, B: order(5) }, is: ['B'] },
  { why: 'the next order', deployments: { A: {}, B: order(1), C: order(2) }, above: 1, is: ['C'] },
  { why: 'at last those without', deployments: { A: {}, B: order(1), C: order(2) }, above: 2, is: ['A'] },
  // Blocked
  { why: 'none that is blocked', deployments: { A: { blocked: true, order: 1 }, B: order(2) }, is: ['B'] },
  {
    why: 'all are blocked',
    deployments: { A: { blocked: true }, B: { blocked: true } },
    is: { code: 'model_paused', message: /^Model 'sample' is currently paused and cannot accept requests\.$/ },
  },
  // Cooldowns
  { why: 'none that is cooled down', deployments: { A: {}, B: {} }, cooled: { A: 1 }, is: ['B'] },
  {
    why: 'another order while the first is cooled down',
    deployments: { A: order(1), B: order(2) },
    cooled: { A: 1 },
    is: ['B'],
  },
  {
    why: 'when all are cooled down, until the first is back',
    deployments: { A: {}, B: {} },
    cooled: { A: 4_001, B: 9_000 },
    is: {
      code: 'all_deployments_in_cooldown',
      message:
        /^No deployments available for selected model, Try again in 5 seconds\. All deployments for selected model are in cooldown\. Passed model=sample\. pre-call-checks=False, cooldown_list=\['A', 'B'\]$/,
      retryAfterSeconds: 5,
    },
  },
  // Context windows
  { why: 'of any window, unless asked to look', deployments: { A: window(5) }, inputTokens: 9, is: ['A'] },
  {
    why: 'a window that is large enough, or unknown',
    deployments: { A: window(8), B: window(9), C: window(null) },
    router: checks,
    inputTokens: 9,
    is: ['B', 'C'],
  },
  {
    why: 'when no window is large enough',
    deployments: { A: window(5), B: window(8) },
    router: checks,
    inputTokens: 9,
    is: { code: 'context_window_exceeded', message: /ContextWindowExceededError.* about 9 tokens.* more than 8\.$/ },
  },
  {
    why: 'cooled down is cooled down, whatever the window',
    deployments: { A: window(5) },
    cooled: { A: 1 },
    router: checks,
    inputTokens: 9,
    is: { code: 'all_deployments_in_cooldown', message: /pre-call-checks=True/, retryAfterSeconds: 1 },
  },
  // Tags
  { why: 'whatever their tags, unless asked to look', deployments: { A: tags('paid') }, tags: ['free'], is: ['A'] },
  {
    why: 'those with any of the tags',
    deployments: { A: tags('free', 'eu'), B: tags('paid'), C: {} },
    router: any,
    tags: ['free', 'us'],
    is: ['A'],
  },
  {
    why: 'those with all of the tags',
    deployments: { A: tags('free', 'eu'), B: tags('free') },
    router: all,
    tags: ['free', 'eu'],
    is: ['A'],
  },
  {
    why: 'the default ones for tags that none has',
    deployments: { A: tags('paid'), B: tags('default') },
    router: any,
    tags: ['free'],
    is: ['B'],
  },
  {
    why: 'the default ones for no tags',
    deployments: { A: tags('paid'), B: tags('default'), C: {} },
    router: any,
    is: ['B'],
  },
  {
    why: 'all for no tags when none is the default',
    deployments: { A: tags('paid'), B: {} },
    router: any,
    is: ['A', 'B'],
  },
  {
    why: 'when no tag fits',
    deployments: { A: tags('paid'), B: {} },
    router: any,
    tags: ['free'],
    is: { code: 'tags_not_allowed', message: /^Not allowed to access model due to tags configuration/ },
  },
  {
    why: 'the lowest order of those that fit',
    deployments: { A: { ...order(1), ...tags('paid') }, B: { ...order(2), ...tags('free') } },
    router: any,
    tags: ['free'],
    is: ['B'],
  },
];

for (const { why, deployments, cooled = {}, router, tags: asked = [], inputTokens = 1, above, is } of cases) {
  test(`candidates: ${why}`, () => {
    const list = Object.entries(deployments).map(([id, changes]) => deployment('sample', id, changes));
    const conditions: Conditions = {
      router: { preCallChecks: false, tagFiltering: 'off', ...router },
      cooledDownUntil: (id) => (cooled[id] === undefined ? null : now + cooled[id]),
      tags: asked,
      inputTokens,
      now,
    };
    const found = candidatesOf({ name: 'sample', deployments: list }, conditions, above);
    if (Array.isArray(is)) {
      assert.ok(!(found instanceof GatewayError));
      assert.deepEqual(
        found.map(({ id }) => id),
        is,
      );
    } else {
      assert.ok(found instanceof GatewayError);
      assert.equal(found.code, is.code);
      assert.match(found.message, is.message);
      assert.equal(found.retryAfterSeconds, is.retryAfterSeconds ?? null);
    }
  });
}
