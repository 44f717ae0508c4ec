import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, errorOf, infoOf, post } from '../ask.ts';
import { masterKey } from '../gateway.ts';
import type { DistributedGateway, TestGateway } from '../gateway.ts';
import type { SharedGateway } from './shared-gateway.ts';

const Generated = z.looseObject({ key: z.string(), token: z.string(), key_name: z.string(), expires: z.string() });
const KeyList = z.object({ keys: z.array(z.string()), total_count: z.int() });
const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) });

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const dayMs = 86_400_000;

export function virtualKeys({ mode, open }: SharedGateway): void {
  describe(`${mode}: virtual keys`, () => {
    let gateway: TestGateway | DistributedGateway;
    before(async () => {
      gateway = await open();
    });

    const manage = async (path: string, body: unknown): Promise<unknown> => {
      const reply = await post(gateway, path, body);
      assert.equal(reply.status, 200, `${path}: ${reply.text}`);
      return JSON.parse(reply.text);
    };
    const isKnown = async (key: string) => (await ask(gateway, '/v1/models', { key })).status === 200;

    test('generate takes every field, and info gives it back', async () => {
      const asked = {
        key_alias: 'every-field',
        models: ['llama', 'embed'],
        max_budget: 12.345678901,
        budget_duration: '30d',
        metadata: { team: 'core', owner: { name: 'Ada' }, tags: ['a', 'b'] },
        rpm_limit: 100,
        tpm_limit: 100_000,
        max_parallel_requests: 7,
        blocked: false,
        user_id: 'ada',
        team_id: 'core',
        organization_id: 'acme',
      };
      const made = Generated.parse(await manage('/key/generate', { ...asked, duration: '2d' }));
      assert.match(made.key, /^sk-[\w-]{22}$/);
      assert.equal(made.token, hashOf(made.key));
      assert.equal(made.key_name, `sk-...${made.key.slice(-4)}`);

      for (const name of [made.key, made.token]) {
        const info = await infoOf(gateway, name);
        for (const [field, value] of Object.entries(asked)) assert.deepEqual(info[field], value, field);
        assert.equal(info.spend, 0);
        assert.equal(info['expires'], made.expires);
        const lifetimeMs = Date.parse(made.expires) - Date.parse(String(info['created_at']));
        assert.equal(lifetimeMs, 2 * dayMs);
        assert.ok(Date.parse(String(info['budget_reset_at'])) > Date.now());
        assert.ok(!JSON.stringify(info).includes(made.key), 'the key itself is nowhere else');
      }
    });

    test('a key reads its own info, with and without naming itself', async () => {
      const key = await gateway.newKey({ key_alias: 'reads-itself' });
      for (const path of ['/key/info', `/key/info?key=${key}`, `/key/info?key=${hashOf(key)}`]) {
        const reply = await ask(gateway, path, { key });
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.text, /"key_alias":"reads-itself"/);
      }
    });

    test('update changes what it names and nothing else, raw or by hash', async () => {
      const key = await gateway.newKey({ models: ['llama'], max_budget: 1, metadata: { team: 'a' }, rpm_limit: 5 });
      const original = await infoOf(gateway, key);
      await manage('/key/update', { key, models: ['grok'], max_budget: null });
      await manage('/key/update', { key: hashOf(key), metadata: { team: 'b' } });
      const changed = await infoOf(gateway, key);
      const { updated_at: _updatedAt, ...rest } = changed;
      const { updated_at: _original, ...same } = original;
      assert.deepEqual(rest, { ...same, models: ['grok'], max_budget: null, metadata: { team: 'b' } });
      assert.equal((await chat(gateway, key, { model: 'llama' })).status, 403);
      assert.equal((await chat(gateway, key, { model: 'grok' })).status, 200);
    });

    test('list has every key once, page by page, and filters', async () => {
      const keys = await Promise.all(
        ['l1', 'l2', 'l3'].map((name) => gateway.newKey({ key_alias: name, team_id: 'list' })),
      );
      const pages = await Promise.all(
        [1, 2].map(async (page) => {
          const reply = await ask(gateway, `/key/list?team_id=list&size=2&page=${page}`);
          return KeyList.parse(JSON.parse(reply.text));
        }),
      );
      assert.deepEqual(
        pages.map(({ total_count: total }) => total),
        [3, 3],
      );
      assert.deepEqual(pages.flatMap((page) => page.keys).sort(), keys.map(hashOf).sort());
      const byAlias = await ask(gateway, '/key/list?key_alias=l2');
      assert.deepEqual(KeyList.parse(JSON.parse(byAlias.text)).keys, [hashOf(keys[1] ?? '')]);
    });

    test('block, unblock and delete work at once, raw or by hash', async () => {
      const key = await gateway.newKey();
      for (const name of [key, hashOf(key)]) {
        await manage('/key/block', { key: name });
        assert.equal(await isKnown(key), false);
        await manage('/key/unblock', { key: name });
        assert.equal(await isKnown(key), true);
      }
      assert.deepEqual(await manage('/key/delete', { keys: [hashOf(key)] }), { deleted_keys: [hashOf(key)] });
      assert.equal(await isKnown(key), false);
      assert.equal((await ask(gateway, `/key/info?key=${key}`)).status, 404);
      for (const path of ['/key/update', '/key/block', '/key/unblock']) {
        assert.equal((await post(gateway, path, { key })).status, 404, path);
      }
      assert.equal((await post(gateway, '/key/delete', { keys: [key] })).status, 404);
    });

    test('delete is for all named keys or for none', async () => {
      const key = await gateway.newKey();
      assert.equal((await post(gateway, '/key/delete', { keys: [key, 'sk-nobody-has-this-one'] })).status, 404);
      assert.equal(await isKnown(key), true);
    });

    test('an alias and a key are there once, also when many ask at the same moment', async () => {
      for (const fields of [{ key_alias: 'only-one' }, { key: 'sk-chosen-by-the-operator' }]) {
        const replies = await Promise.all(Array.from({ length: 8 }, () => post(gateway, '/key/generate', fields)));
        assert.deepEqual(
          replies.map(({ status }) => status).toSorted((a, b) => a - b),
          [200, ...Array.from({ length: 7 }, () => 400)],
        );
        const refused = replies.find(({ status }) => status === 400);
        assert.match(errorOf(refused ?? assert.fail()).message, /already exists/);
      }
      assert.equal(await isKnown('sk-chosen-by-the-operator'), true);
    });

    for (const [fields, message] of [
      [{ max_budget: -1 }, /max_budget cannot be negative\. Received: -1/],
      [{ rpm_limit: -1 }, /rpm_limit cannot be negative/],
      [{ duration: 'soon' }, /duration/],
      [{ budget_duration: '5 apples' }, /budget_duration/],
      [{ key: 'no-sk-in-front-of-it' }, /must start with 'sk-'/],
      [{ key: 'sk-short' }, /16 to 255/],
    ] as const) {
      test(`400 for a key with ${JSON.stringify(fields)}`, async () => {
        const reply = await post(gateway, '/key/generate', fields);
        const { type, message: text } = errorOf(reply);
        assert.deepEqual({ status: reply.status, type }, { status: 400, type: 'bad_request_error' });
        assert.match(text, message);
      });
    }

    test('a key sees the models that it may use, and no others', async () => {
      const key = await gateway.newKey({ models: ['grok', 'embed'] });
      const list = ModelList.parse(JSON.parse((await ask(gateway, '/v1/models', { key })).text));
      assert.deepEqual(
        list.data.map(({ id }) => id),
        ['grok', 'embed'],
      );
      assert.equal((await ask(gateway, '/v1/models/llama', { key })).status, 404);
      assert.equal((await ask(gateway, '/models/grok', { key })).status, 200);
    });

    test('429 for the request after rpm_limit, with when to come back', async () => {
      const key = await gateway.newKey({ rpm_limit: 3 });
      for (const remaining of ['2', '1', '0']) {
        const reply = await chat(gateway, key);
        assert.equal(reply.status, 200, reply.text);
        assert.equal(reply.headers.get('x-ratelimit-limit-requests'), '3');
        assert.equal(reply.headers.get('x-ratelimit-remaining-requests'), remaining);
      }
      const reply = await chat(gateway, key);
      const { type, message } = errorOf(reply);
      assert.deepEqual({ status: reply.status, type }, { status: 429, type: 'throttling_error' });
      assert.match(
        message,
        /Rate limit exceeded for api_key: \w+\. Limit type: requests\. Current limit: 3, Remaining: 0\. Limit resets at: [\d-]+ [\d:]+ UTC/,
      );
      assert.equal(reply.headers.get('x-ratelimit-limit-requests'), '3');
      assert.equal(reply.headers.get('x-ratelimit-remaining-requests'), '0');
      assert.equal(reply.headers.get('rate_limit_type'), 'requests');
      const retryAfter = Number(reply.headers.get('retry-after'));
      assert.ok(Number.isInteger(retryAfter) && retryAfter >= 1 && retryAfter <= 60, `retry-after ${retryAfter}`);
    });

    test('429 for the request after tpm_limit; what an answer did not use is given back', async () => {
      const key = await gateway.newKey({ tpm_limit: 400 });
      const long = { max_tokens: 300, messages: [{ role: 'user', content: 'Hi. #sim {"outputTokens":10}' }] };
      for (const attempt of [1, 2]) {
        await waitUntil(
          async () => {
            const reply = await chat(gateway, key, long);
            if (attempt === 1) assert.equal(reply.status, 200, reply.text);
            return reply.status === 200;
          },
          { what: `attempt ${attempt} fits, as the one before used few tokens`, deadlineMs: 5_000 },
        );
      }
      const reply = await chat(gateway, key, { ...long, max_tokens: 500 });
      assert.equal(reply.status, 429, reply.text);
      assert.match(errorOf(reply).message, /Limit type: tokens\. Current limit: 400/);
      assert.equal(reply.headers.get('x-ratelimit-limit-tokens'), '400');
      assert.ok(Number(reply.headers.get('retry-after')) <= 60);
    });

    test('429 for the third of two parallel requests; when one has ended there is room at once', async () => {
      const key = await gateway.newKey({ max_parallel_requests: 2 });
      const slow = { messages: [{ role: 'user', content: 'Slowly. #sim {"delayMs":800}' }] };
      const running = [chat(gateway, key, slow), chat(gateway, key, slow)];
      await waitUntil(() => gateway.simulator.callsInFlight() === 2, { what: 'two calls run' });
      const third = await chat(gateway, key);
      assert.equal(third.status, 429, third.text);
      assert.match(errorOf(third).message, /Limit type: max_parallel_requests\. Current limit: 2, Remaining: 0/);
      assert.equal(third.headers.get('rate_limit_type'), 'concurrent_requests');
      assert.equal(third.headers.get('x-litellm-model-group'), 'llama');
      assert.equal(third.headers.get('x-litellm-response-cost'), '0.0');
      assert.match(third.headers.get('x-litellm-timeout') ?? '', /^\d+\.\d+$/);
      for (const { status } of await Promise.all(running)) assert.equal(status, 200);
      await waitUntil(async () => (await chat(gateway, key)).status === 200, { what: 'room again', deadlineMs: 5_000 });
    });

    test('one request after another is let in, however soon: the slot is free when the answer is there', async () => {
      const key = await gateway.newKey({ max_parallel_requests: 1 });
      const statuses: number[] = [];
      for (let count = 0; count < 40; count += 1) {
        statuses.push((await chat(gateway, key, { stream: count % 2 === 1 })).status);
      }
      assert.deepEqual(new Set(statuses), new Set([200]));
    });

    test('a slot of a client who left is free again', async () => {
      const key = await gateway.newKey({ max_parallel_requests: 1 });
      const leaving = new AbortController();
      const slow = { messages: [{ role: 'user', content: 'Slowly. #sim {"delayMs":20000}' }] };
      const left = chat(gateway, key, slow, { signal: leaving.signal }).catch((error: unknown) => error);
      await waitUntil(() => gateway.simulator.callsInFlight() === 1, { what: 'the call runs' });
      leaving.abort();
      assert.ok((await left) instanceof Error);
      await waitUntil(async () => (await chat(gateway, key)).status === 200, { what: 'room again', deadlineMs: 5_000 });
    });

    for (const budget of [0, 1e-9]) {
      test(`429 budget_exceeded for a budget of ${budget} USD, before anything is spent`, async () => {
        const key = await gateway.newKey({ max_budget: budget, key_alias: `budget-${budget}` });
        gateway.simulator.clearBilled();
        for (const stream of [false, true]) {
          const reply = await chat(gateway, key, { stream });
          const { type, param, message } = errorOf(reply);
          assert.deepEqual(
            { status: reply.status, type, param },
            { status: 429, type: 'budget_exceeded', param: null },
          );
          const shown = budget === 0 ? '0' : '0\\.000000001';
          const text = `^Budget has been exceeded! Key=budget-${budget} \\(sk-\\.\\.\\.${key.slice(-4)}\\) Current cost: 0, Max budget: ${shown}`;
          assert.match(message, new RegExp(text));
          assert.equal(reply.headers.get('x-litellm-key-spend'), '0');
          assert.equal(reply.headers.get('x-litellm-response-cost'), '0.0');
          assert.equal(reply.headers.get('x-litellm-model-group'), 'llama');
        }
        assert.deepEqual(gateway.simulator.billed(), []);
        assert.equal((await infoOf(gateway, key)).spend, 0);
      });
    }

    test('an answer is made as short as the budget still pays for, and says so', async () => {
      const key = await gateway.newKey({ max_budget: 0.001 });
      const messages = [{ role: 'user', content: 'At length. #sim {"outputTokens":100000}' }];
      gateway.simulator.clearBilled();
      const reply = await chat(gateway, key, { messages, max_tokens: 100_000 });
      assert.equal(reply.status, 200, reply.text);
      const cap = Number(reply.headers.get('x-sluice-max-tokens-clamped'));
      assert.ok(cap > 0 && cap < 100_000, `clamped to ${cap}`);
      assert.ok((gateway.simulator.billed()[0]?.completionTokens ?? Infinity) <= cap);
      assert.match(reply.text, /"finish_reason":"length"/);
      const spent = Number(reply.headers.get('x-litellm-response-cost'));
      assert.ok(spent > 0 && spent <= 0.001, `${spent} USD`);
    });

    test('a budget that was raised counts at once', async () => {
      const key = await gateway.newKey({ max_budget: 0 });
      assert.equal((await chat(gateway, key)).status, 429);
      await manage('/key/update', { key, max_budget: 1 });
      assert.equal((await chat(gateway, key)).status, 200);
    });

    describe('two ingress processes', { skip: mode === 'embedded' && 'it is one process' }, () => {
      let other: string;
      before(async () => {
        if (mode === 'embedded') return;
        assert.ok('startIngress' in gateway);
        other = (await gateway.startIngress()).url;
      });

      const askOther = (key: string) => fetch(`${other}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
      const answers = async (key: string) => {
        const response = await askOther(key);
        await response.arrayBuffer();
        return response.status;
      };

      for (const path of ['/key/delete', '/key/block'] as const) {
        test(`a key stops at the other process within a second of ${path}`, async () => {
          const stoppedMs = [];
          for (let nth = 0; nth < 3; nth += 1) {
            const key = await gateway.newKey();
            assert.equal(await answers(key), 200);
            const reply = await post(gateway, path, path === '/key/delete' ? { keys: [key] } : { key });
            assert.equal(reply.status, 200, reply.text);
            const since = performance.now();
            await waitUntil(async () => (await answers(key)) === 401, { what: 'the key is refused' });
            stoppedMs.push(performance.now() - since);
          }
          // A busy machine may answer some late.
          assert.ok(Math.min(...stoppedMs) <= 1_000, `${stoppedMs.map(Math.round).join(', ')} ms`);
        });
      }

      test('a key that is made here works there, also when it was tried there before', async () => {
        const key = 'sk-tried-before-it-was-made';
        assert.equal(await answers(key), 401);
        await gateway.newKey({ key });
        await waitUntil(async () => (await answers(key)) === 200, { what: 'the key works', deadlineMs: 5_000 });
      });

      test('limits count requests of both together', async () => {
        const key = await gateway.newKey({ rpm_limit: 4 });
        const there: TestGateway = { ...gateway, request: (path, init) => fetch(`${other}${path}`, init ?? {}) };
        const replies = await Promise.all(
          [gateway, there, gateway, there, gateway, there].map((one) => chat(one, key)),
        );
        assert.deepEqual(
          replies.map(({ status }) => status).toSorted((a, b) => a - b),
          [200, 200, 200, 200, 429, 429],
        );
        assert.equal((await chat(there, masterKey)).status, 200);
      });
    });
  });
}
