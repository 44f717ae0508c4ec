import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestOrigin } from '@sluice/shared/contracts/caller.ts';
import { createAttribute } from '../../src/tenancy/attribute.ts';
import type { KnownCustomer } from '../../src/tenancy/principal.ts';
import { budget, madeAt, tag } from './entities.ts';

const row = {
  customerId: 'zoe',
  alias: null,
  blocked: false,
  budgetId: null,
  allowedModelRegion: null,
  defaultModel: null,
  createdAt: madeAt,
  createdBy: null,
  updatedAt: madeAt,
  updatedBy: null,
} as const;

function origin(set: Partial<RequestOrigin>): RequestOrigin {
  return { litellmCallId: 'c', ipAddress: null, endUser: null, sessionId: null, tags: [], metadata: {}, ...set };
}

/** Customers and tags as a test says, and what was asked of the database. */
function setUp(customers: Record<string, KnownCustomer> = {}) {
  const asked = { customers: 0, tags: 0, met: [] as string[] };
  const database = { customers, isDown: false };
  const clock = { now: 0 };
  const ask = async <T>(answer: T): Promise<T> => {
    if (database.isDown) throw new Error('connection refused');
    return answer;
  };
  const { attribute, customerOf, invalidateAll } = createAttribute({
    findCustomer: (id) => {
      asked.customers += 1;
      return ask(database.customers[id] ?? { customer: null, budget: null });
    },
    findTags: () => {
      asked.tags += 1;
      return ask(new Map([['prod', { tag: tag('prod'), budget: null }]]));
    },
    meetCustomer: async (id) => void asked.met.push(id),
    now: () => clock.now,
    cache: { freshMs: 500, staleIfErrorMs: 1_000, maxEntries: 10 },
    onError: (error) => assert.fail(String(error)),
  });
  return { attribute, customerOf, invalidateAll, asked, database, clock };
}

test('attribution: a request that names nobody asks nobody', async () => {
  const { attribute, asked } = setUp();
  assert.deepEqual(await attribute(origin({ tags: ['User-Agent: curl'] }), true), { customer: null, tags: [] });
  assert.deepEqual([asked.customers, asked.tags], [0, 0]);
});

test('attribution: the customer with their budget, and of the tags those that are known', async () => {
  const known = { customer: row, budget: budget('b') };
  const { attribute, asked } = setUp({ zoe: known });
  const request = origin({ endUser: 'zoe', tags: ['other', 'prod'] });
  const expected = { customer: { id: 'zoe', ...known }, tags: [{ tag: tag('prod'), budget: null }] };
  assert.deepEqual(await attribute(request, true), expected);
  assert.deepEqual(await attribute(request, true), expected);
  assert.deepEqual([asked.customers, asked.tags, asked.met], [1, 1, []]);
});

test('attribution: who is met for the first time is let in, and made', async () => {
  const { attribute, asked } = setUp();
  const { customer } = await attribute(origin({ endUser: 'new' }), true);
  assert.deepEqual(customer, { id: 'new', customer: null, budget: null });
  assert.deepEqual(asked.met, ['new']);
});

test('attribution: a blocked customer is refused, but not to the operator', async () => {
  const { attribute } = setUp({ zoe: { customer: { ...row, blocked: true }, budget: null } });
  await assert.rejects(attribute(origin({ endUser: 'zoe' }), true), {
    code: 'customer_blocked',
    message: 'Authentication Error, User blocked from making LLM API Calls. User=zoe',
  });
  assert.equal((await attribute(origin({ endUser: 'zoe' }), false)).customer?.id, 'zoe');
});

test('attribution: what is known of an end user, and nothing while nobody can say', async () => {
  const { customerOf, database } = setUp({ zoe: { customer: row, budget: null } });
  assert.equal(await customerOf('zoe'), row);
  assert.equal(await customerOf('new'), null);
  database.isDown = true;
  assert.equal(await customerOf('zoe'), row);
  assert.equal(await customerOf('other'), null);
});

test('attribution: while the database fails, who is known stays known; of others nobody can say', async () => {
  const { attribute, database, clock } = setUp({ zoe: { customer: row, budget: null } });
  await attribute(origin({ endUser: 'zoe' }), true);
  database.isDown = true;
  clock.now = 900;
  assert.equal((await attribute(origin({ endUser: 'zoe' }), true)).customer?.customer?.customerId, 'zoe');
  await assert.rejects(attribute(origin({ endUser: 'other' }), true), { code: 'dependency_unavailable' });
  await assert.rejects(attribute(origin({ tags: ['prod'] }), true), { code: 'dependency_unavailable' });
  assert.deepEqual(await attribute(origin({ endUser: 'other', tags: ['prod'] }), false), {
    customer: { id: 'other', customer: null, budget: null },
    tags: [],
  });
});

test('attribution: a change in this process counts at once', async () => {
  const { attribute, invalidateAll, database } = setUp({ zoe: { customer: row, budget: null } });
  await attribute(origin({ endUser: 'zoe' }), true);
  database.customers = { zoe: { customer: { ...row, blocked: true }, budget: null } };
  invalidateAll();
  await assert.rejects(attribute(origin({ endUser: 'zoe' }), true), { code: 'customer_blocked' });
});
