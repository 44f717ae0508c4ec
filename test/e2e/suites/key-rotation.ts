import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { chat, costUsdOf, errorOf, infoOf, post } from '../ask.ts';
import type { Reply } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import { becomes, type SharedIngresses } from '../two-ingresses.ts';

const Regenerated = z.looseObject({ key: z.string(), token: z.string(), spend: z.number() });
const Reset = z.looseObject({ spend: z.number(), previous_spend: z.number() });
const Rows = z.array(z.looseObject({ spend: z.number() }));

/** What one chat of these tests costs is far less than a tenth of it. */
const budgetUsd = 0.000_3;

export function keyRotation({ open }: SharedIngresses): void {
  describe('keys that are regenerated or set back, on two ingresses', () => {
    let here: TestGateway;
    let there: TestGateway;

    before(async () => {
      ({ here, there } = await open());
    });

    const statusOf = async (at: TestGateway, key: string) => (await chat(at, key)).status;
    const regenerate = async (key: string, body: object) => {
      const reply = await post(here, `/key/${key}/regenerate`, body);
      assert.equal(reply.status, 200, reply.text);
      return Regenerated.parse(JSON.parse(reply.text)).key;
    };
    const costOf = (reply: Reply) => Math.round(costUsdOf(reply) * 1e9);
    /** Calls until the budget refuses; nano-USD. */
    const spendAll = async (key: string) => {
      let spent = 0;
      for (let calls = 0; calls < 200; calls += 1) {
        const reply = await chat(calls % 2 === 0 ? here : there, key);
        if (reply.status === 429) return { spent, refusal: errorOf(reply).message };
        assert.equal(reply.status, 200, reply.text);
        spent += costOf(reply);
      }
      return assert.fail('a budget that never ends');
    };
    const booked = async (key: string, nanoUsd: number) => {
      await waitUntil(async () => Math.round((await infoOf(here, key)).spend * 1e9) === nanoUsd, { what: 'the books' });
    };

    test('the new key works everywhere at once, the old one for its grace period alone', async () => {
      const old = await here.newKey();
      for (const at of [here, there]) assert.equal(await statusOf(at, old), 200);
      const askedAt = Date.now(); // the grace period begins between the question and its answer
      const next = await regenerate(old, { grace_period: '3s' });
      for (const at of [here, there]) assert.equal(await statusOf(at, next), 200);
      for (const at of [here, there]) {
        const status = await statusOf(at, old);
        assert.ok(status === 200 || Date.now() - askedAt > 2_900, `${status}`);
      }
      for (const at of [here, there]) {
        await waitUntil(async () => (await statusOf(at, old)) === 401, { what: 'the end of the grace period' });
        assert.ok(Date.now() - askedAt >= 2_900, 'not before');
        assert.equal(errorOf(await chat(at, old)).type, 'expired_key');
        assert.equal(await statusOf(at, next), 200);
      }

      const last = await regenerate(next, {});
      for (const at of [here, there]) {
        assert.equal(await statusOf(at, last), 200);
        await becomes(401, at, next);
      }
    });

    test('a regenerated key goes on with the budget of the old: what that has spent counts', async () => {
      const old = await here.newKey({ max_budget: budgetUsd });
      const first = await chat(there, old);
      assert.equal(first.status, 200, first.text);
      const next = await regenerate(old, { grace_period: '1h' });
      const second = await chat(there, old);
      assert.equal(second.status, 200, second.text);
      const { spent } = await spendAll(next);
      const all = costOf(first) + costOf(second) + spent;
      assert.ok(costOf(first) > 0 && all <= budgetUsd * 1e9, `${all} nano-USD`);
      assert.ok(all > budgetUsd * 1e9 * 0.8, `${all} nano-USD`);
      assert.equal(await statusOf(there, old), 429, 'one budget for both');
      await booked(next, all);
    });

    test('a token budget goes on too, and so do parallel slots', async () => {
      const old = await here.newKey({ max_token_budget: 100, max_parallel_requests: 3 });
      const first = await chat(here, old);
      assert.equal(first.headers.get('x-ratelimit-api_key-limit-max_parallel_requests'), '3');
      assert.equal(first.headers.get('x-ratelimit-api_key-remaining-max_parallel_requests'), '2');
      const next = await regenerate(old, {});
      const { refusal } = await spendAll(next);
      assert.match(refusal, /^Budget has been exceeded! Key=None .* Max token budget: 100\b/);
      const last = await regenerate(next, {});
      for (const at of [here, there]) assert.equal(await statusOf(at, last), 429);
    });

    test('a retry with the new key gets the answer that the old one paid for', async () => {
      const old = await here.newKey();
      const headers = { 'idempotency-key': 'over-a-rotation' };
      const first = await chat(here, old, {}, { headers });
      assert.equal(first.status, 200, first.text);
      const next = await regenerate(old, {});
      const again = await chat(there, next, {}, { headers });
      assert.deepEqual([again.status, again.text], [200, first.text]);
      await booked(next, costOf(first));
    });

    test('a key whose spend is set back may spend its budget once more, and no nano-USD above it; its rows stay', async () => {
      const key = await here.newKey({ max_budget: budgetUsd, key_alias: 'set back' });
      const { spent } = await spendAll(key);
      await booked(key, spent);
      const reply = await post(here, `/key/${key}/reset_spend`, { reset_to: 0 });
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(Reset.parse(JSON.parse(reply.text)).previous_spend, spent / 1e9);
      for (const at of [here, there]) await becomes(200, at, key);
      const { spent: _sinceThen, refusal } = await spendAll(key);
      assert.match(refusal, /^Budget has been exceeded! Key=set back .* Max budget: 0\.0003\b/);

      const rows = async () => {
        const response = await here.request(`/spend/logs?api_key=${key}`);
        return Rows.parse(await response.json()).reduce((sum, row) => sum + Math.round(row.spend * 1e9), 0);
      };
      await waitUntil(async () => Math.round((await infoOf(here, key)).spend * 1e9) + spent === (await rows()), {
        what: 'spend and rows agree',
      });
      const again = (await rows()) - spent;
      assert.ok(again > budgetUsd * 1e9 * 0.8 && again <= budgetUsd * 1e9, `${again} nano-USD`);
      assert.equal(await statusOf(there, key), 429);
    });
  });
}
