import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, errorOf, infoOf, post } from '../ask.ts';
import { masterKey } from '../gateway.ts';
import type { TestGateway } from '../gateway.ts';
import { bodies, chatText, limitBytes, nested } from '../wrong-bodies.ts';
import { callers } from '../wrong-callers.ts';
import { fields } from '../wrong-fields.ts';
import { chatPath } from '../wrong-request.ts';
import type { Keys } from '../wrong-request.ts';
import { routes } from '../wrong-routes.ts';
import type { SharedGateway } from './shared-gateway.ts';

const Rows = z.array(z.looseObject({ spend: z.number(), status: z.string() }));

export function wrongInput({ mode, open }: SharedGateway): void {
  describe(`${mode}: wrong input gets one kind of error, and changes nothing`, () => {
    let gateway: TestGateway;
    let keys: Keys;
    before(async () => {
      gateway = await open();
      const [good, expired, blocked, deleted, onlyGrok] = await Promise.all([
        gateway.newKey({ max_budget: 1 }),
        gateway.newKey({ duration: '1s' }),
        gateway.newKey({ blocked: true }),
        gateway.newKey(),
        gateway.newKey({ models: ['grok'] }),
      ]);
      keys = { good, expired, blocked, deleted, onlyGrok };
      await post(gateway, '/key/delete', { keys: [deleted] });
    });

    for (const { why, send, status, type, param, message } of [...callers, ...fields, ...bodies, ...routes]) {
      test(`${status} for ${why}`, async () => {
        const reply = await send(gateway, keys);
        const error = errorOf(reply);
        assert.match(error.message, message);
        assert.deepEqual(
          { status: reply.status, ...error },
          { status, type, param, code: String(status), message: error.message },
        );
        assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
        assert.deepEqual(gateway.simulator.billed(), []);
      });
    }

    test('401 for an expired key, with the last of it', async () => {
      const reply = await waitUntil(
        async () => {
          const got = await chat(gateway, keys.expired, { model: 'gpt-9' });
          return got.status === 401 && got;
        },
        { what: 'the key expires' },
      );
      const { type, param, message } = errorOf(reply);
      assert.deepEqual({ type, param }, { type: 'expired_key', param: keys.expired.slice(-4) });
      assert.match(message, /Expired Key\. Key Expiry time \S+ and current time \S+/);
    });

    for (const [path, init, status, location] of [
      ['/key/generate', { max_budget: 'much' }, 422, ['body', 'max_budget']],
      ['/key/generate', { models: 'llama' }, 422, ['body', 'models']],
      ['/key/block', {}, 422, ['body', 'key']],
    ] as const) {
      test(`${status} with detail for ${path} ${JSON.stringify(init)}`, async () => {
        const reply = await post(gateway, path, init);
        assert.equal(reply.status, status);
        const { detail } = Detail.parse(JSON.parse(reply.text));
        assert.deepEqual(detail[0]?.loc, location);
      });
    }

    for (const [what, content] of [
      ['U+0000', 'zero \0 byte'],
      ['half a surrogate pair', 'half \ud83d of a pair'],
    ] as const) {
      // Texts that databases and encoders stumble over are the provider's to judge: the gateway only passes them on.
      test(`200 for content with ${what}, small and too large for the queue`, async () => {
        for (const length of [0, 100_000]) {
          const messages = [{ role: 'user', content: content + 'x'.repeat(length) }];
          const reply = await chat(gateway, masterKey, {
            messages,
            user: content,
            metadata: { content, [content]: 1 },
          });
          assert.equal(reply.status, 200, reply.text);
        }
        gateway.simulator.clearBilled();
      });
    }

    test('200 for members named like those of Object, which are data like any other', async () => {
      const names = '{"__proto__":{"model":"x"},"constructor":1,"toString":2}';
      const body = chatText(`"__proto__":{"model":"x"},"metadata":${names}`);
      const reply = await ask(gateway, chatPath, { method: 'POST', body });
      assert.equal(reply.status, 200, reply.text);
      gateway.simulator.clearBilled();
    });

    test('200 for metadata in a header that nobody could walk: bookkeeping fails no request', async () => {
      const headers = { 'x-litellm-spend-logs-metadata': `{"a":${nested(5_000)}}` };
      const reply = await chat(gateway, masterKey, {}, { headers });
      assert.equal(reply.status, 200, reply.text);
      gateway.simulator.clearBilled();
    });

    test('200 for a megabyte of content', async () => {
      const messages = [{ role: 'user', content: 'abcd '.repeat(limitBytes / 10) }];
      const reply = await chat(gateway, masterKey, { model: 'command-a', messages });
      assert.equal(reply.status, 200, reply.text.slice(0, 400));
      assert.equal(gateway.simulator.billed().length, 1);
      gateway.simulator.clearBilled();
    });

    test('200 for a parameter that the model lacks, with drop_params', async () => {
      const reply = await chat(gateway, masterKey, { model: 'command-a', logit_bias: { 1: 1 }, drop_params: true });
      assert.equal(reply.status, 200, reply.text);
      gateway.simulator.clearBilled();
    });

    for (const { why, asked, status, param } of [
      { why: 'dropped by the deployment', asked: { model: 'drops' }, status: 200 },
      { why: 'kept by the request', asked: { model: 'drops', drop_params: false }, status: 400, param: 'logit_bias' },
      { why: 'dropped by name by the deployment', asked: { model: 'drops-one' }, status: 200 },
      { why: 'dropped by name', asked: { additional_drop_params: ['logit_bias'] }, status: 200 },
      {
        why: 'dropped by another name',
        asked: { additional_drop_params: ['seed'] },
        status: 400,
        param: 'logit_bias',
      },
      {
        why: 'not to be dropped',
        asked: { model: 'drops', allowed_openai_params: ['logit_bias'] },
        status: 400,
        param: 'logit_bias',
      },
    ]) {
      test(`${status} for a parameter that the model lacks, ${why}`, async () => {
        const reply = await chat(gateway, masterKey, { model: 'command-a', logit_bias: { 1: 1 }, ...asked });
        assert.equal(reply.status, status, reply.text);
        if (param !== undefined) assert.equal(errorOf(reply).param, param);
        gateway.simulator.clearBilled();
      });
    }

    test('in the end nothing was spent, and each refusal after the key was known has a row that says so', async () => {
      const reply = await ask(gateway, `/spend/logs?api_key=${keys.good}`);
      const rows = Rows.parse(JSON.parse(reply.text));
      assert.ok(rows.length > 0);
      assert.ok(rows.every(({ spend, status }) => spend === 0 && status === 'failure'));
      for (const key of [keys.good, keys.expired, keys.blocked, keys.onlyGrok]) {
        assert.equal((await infoOf(gateway, key)).spend, 0);
      }
      const works = await chat(gateway, keys.good);
      assert.equal(works.status, 200, works.text);
      assert.equal((await ask(gateway, '/health/readiness')).status, 200);
    });
  });
}

const Detail = z.object({ detail: z.array(z.looseObject({ loc: z.array(z.union([z.string(), z.number()])) })) });
