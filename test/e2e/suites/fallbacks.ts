import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import type { Behaviour } from '../../oci-simulator/behaviour.ts';
import { chat, costUsdOf, errorOf } from '../ask.ts';
import { bookedRows } from '../booked-rows.ts';
import type { TestGateway } from '../gateway.ts';
import { steered } from '../steered.ts';
import type { SharedGateway } from './shared-gateway.ts';

export const flaky = 'xai.grok-3-mini';
const beforeContent: Readonly<Record<string, Partial<Behaviour>>> = {
  'the connection is reset': { resetAfterEvents: 0 },
  'the body ends': { endAfterEvents: 0 },
  'nothing comes': { stallAfterEvents: 0 },
  'an error event comes': { errorAfterEvents: 0 },
  'the first event is malformed': { garbleAfterEvents: 0 },
};

const Completion = z.looseObject({ id: z.string(), model: z.string() });

export function fallbacks({ mode, open }: SharedGateway): void {
  describe(`${mode}: what the provider does wrong, tried again or answered by another model`, () => {
    let gateway: TestGateway;
    let key: string;
    before(async () => {
      gateway = await open();
      key = await gateway.newKey();
    });

    for (const [where, fields, headers] of [
      ['body', { num_retries: 2 }, {}],
      ['header', {}, { 'x-litellm-num-retries': '2' }],
    ] as const) {
      test(`num_retries in the ${where}: the answer comes at the second attempt, and is paid for once`, async () => {
        gateway.simulator.clearBilled();
        gateway.simulator.enqueueFaults([{ behaviour: { fail: { status: 503 } } }]);
        const reply = await chat(gateway, key, fields, { headers });
        assert.equal(reply.status, 200, reply.text);
        assert.equal(reply.headers.get('x-litellm-attempted-retries'), '1');
        assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '0');
        assert.equal(gateway.simulator.billed().length, 1);
      });
    }

    test('retries that do not help are told of', async () => {
      const reply = await chat(gateway, key, { num_retries: 1, ...steered({ fail: { status: 500 } }) });
      assert.equal(reply.status, 500);
      assert.match(errorOf(reply).message, /LiteLLM Retried: 1 times, LiteLLM Max Retries: 1/);
    });

    test('what is wrong with the request is not tried again', async () => {
      gateway.simulator.enqueueFaults([{ behaviour: { fail: { status: 400, message: 'No.' } } }]);
      assert.equal((await chat(gateway, key, { num_retries: 3 })).status, 400);
    });

    test('a fallback answers for a model that does not exist, and says so', async () => {
      const own = await gateway.newKey();
      gateway.simulator.clearBilled();
      const reply = await chat(gateway, own, { model: 'missing' });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(Completion.parse(JSON.parse(reply.text)).model, 'meta.llama-3.3-70b-instruct');
      assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '1');
      assert.equal(reply.headers.get('x-litellm-model-group'), 'llama');
      const [row] = await bookedRows(gateway, own);
      assert.equal(row?.status, 'success');
      assert.equal(row.spend, costUsdOf(reply));
      assert.equal(gateway.simulator.billed().length, 1);
    });

    for (const [why, does] of Object.entries(beforeContent)) {
      test(`a fallback answers a stream of which nothing came: ${why}`, async () => {
        const own = await gateway.newKey();
        gateway.simulator.clearBilled();
        gateway.simulator.enqueueFaults([{ model: flaky, behaviour: does }]);
        const reply = await chat(gateway, own, { model: 'flaky', stream: true });
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.text, /data: \[DONE\]/);
        assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '1');
        // What the first may have billed is in the books too, apart from the answer.
        const rows = await bookedRows(gateway, own, 2);
        assert.deepEqual(rows.map(({ metadata }) => metadata.sluice.outcome).toSorted(), ['completed', 'cut']);
      });
    }

    test('a fallback answers a stream too, before anything was sent', async () => {
      const stream = await gateway.client(key).chat.completions.create({
        model: 'missing',
        stream: true,
        max_tokens: 50,
        messages: [{ role: 'user', content: 'Hello.' }],
      });
      const chunks = await Array.fromAsync(stream);
      assert.deepEqual([...new Set(chunks.map(({ model }) => model))], ['meta.llama-3.3-70b-instruct']);
      assert.ok(chunks.some(({ choices }) => choices[0]?.finish_reason != null));
    });

    test('a fallback that may write less than the first model answers a request without max_tokens', async () => {
      const reply = await chat(gateway, key, { model: 'missing', max_tokens: undefined });
      assert.equal(reply.status, 200, reply.text);
    });

    test('a fallback that the request names goes before the configured one', async () => {
      const reply = await chat(gateway, key, { model: 'missing', fallbacks: ['also-missing', 'command-a'] });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(Completion.parse(JSON.parse(reply.text)).model, 'cohere.command-a-03-2025');
      assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '2');
    });

    for (const [why, fields, models] of [
      ['disable_fallbacks', { disable_fallbacks: true }, []],
      ['a key that may not use the fallback', {}, ['missing']],
      ['fallbacks that fail as well', { fallbacks: ['also-missing'] }, []],
    ] as const) {
      test(`404, the error of the first model, with ${why}`, async () => {
        const own = await gateway.newKey({ models });
        const reply = await chat(gateway, own, { model: 'missing', ...fields });
        assert.deepEqual([reply.status, errorOf(reply).type], [404, 'not_found_error']);
        assert.match(errorOf(reply).message, /Received Model Group=missing/);
        if ('fallbacks' in fields) assert.match(errorOf(reply).message, /Error doing the fallback: also-missing/);
        const [row] = await bookedRows(gateway, own);
        assert.deepEqual([row?.status, row?.spend], ['failure', 0]);
      });
    }
  });
}
