import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { openReceiver, type Receiver } from '../../services/ingress/test/webhooks/open-receiver.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { createBatch, untilBatch, untilEnded } from './batch-files.ts';
import { openDistributedGateway, openEmbeddedGateway } from './gateway.ts';
import type { GatewayOptions, TestGateway } from './gateway.ts';
import { readMetrics } from './metrics-page.ts';

const secret = `whsec_${Buffer.alloc(32, 'of the end to end tests').toString('base64')}`;
const hidden = [secret, secret.slice('whsec_'.length), 'a-token-of-the-url'];

const chat = (model = 'llama') => ({ model, max_tokens: 8, messages: [{ role: 'user', content: 'Hello.' }] });

const Event = z.object({ id: z.string(), type: z.string(), data: z.object({ id: z.string() }) });

/** Each mode, and where its batches' metrics are. */
const modes = {
  embedded: async (options: GatewayOptions) => {
    const gateway = await openEmbeddedGateway(options);
    return { gateway, metricsUrl: gateway.url };
  },
  distributed: async (options: GatewayOptions) => {
    const gateway = await openDistributedGateway(options);
    return { gateway, metricsUrl: `http://127.0.0.1:${(await gateway.startBatchRunner()).port}` };
  },
};

for (const [mode, open] of Object.entries(modes)) {
  describe(`${mode}: webhooks and metrics of batches`, () => {
    let receiver: Receiver;
    let gateway: TestGateway;
    let metricsUrl: string;
    before(async () => {
      receiver = await openReceiver(secret);
      const all = { name: 'all', url: `${receiver.url}?token=a-token-of-the-url`, secret: 'os.environ/HOOK_SECRET' };
      const webhooks = [all, { ...all, name: 'another-team', teams: ['nobody'] }];
      const options = { config: { sluice_settings: { webhooks } }, env: { HOOK_SECRET: secret }, logLevel: 'DEBUG' };
      ({ gateway, metricsUrl } = await open(options));
    });
    after(async () => {
      await gateway[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    });

    const told = (batchId: string) =>
      waitUntil(
        () => {
          const all = receiver.received.filter(({ payload }) => JSON.stringify(payload).includes(batchId));
          return all.length > 0 ? all : null;
        },
        { what: 'the webhook is told' },
      );

    const sample = async (name: string, wanted: Readonly<Record<string, string>> = {}) => {
      const { samples } = await readMetrics(metricsUrl);
      const found = samples.filter(
        (one) =>
          one.name === name && Object.entries(wanted).every(([label, value]) => (one.labels[label] ?? '') === value),
      );
      assert.equal(found.length, 1, name);
      return found[0]?.value;
    };

    test('each end of a batch is told once, signed', async () => {
      const client = gateway.client();
      const completed = await untilEnded(client, await createBatch(client, [chat(), chat('command-a')]));
      assert.equal(completed.status, 'completed');
      const failed = await untilEnded(client, await createBatch(client, [chat('no-such-model')]));
      assert.equal(failed.status, 'failed');
      const poor = gateway.client(await gateway.newKey({ max_budget: 1e-9 }));
      const paused = await createBatch(poor, [chat(), chat()]);
      await untilBatch(poor, paused.id, 'it is paused', ({ sluice }) => JSON.stringify(sluice).includes('budget'));
      assert.equal(await sample('sluice_batches', { status: 'in_progress', paused_reason: 'budget_exceeded' }), 1);
      assert.equal(await sample('sluice_batches', { status: 'in_progress', paused_reason: '' }), 0);
      assert.equal(await sample('sluice_batch_lines_waiting'), 2);
      await poor.batches.cancel(paused.id);
      const cancelled = await untilEnded(poor, paused);
      assert.equal(cancelled.status, 'cancelled');

      for (const { id, status } of [completed, failed, cancelled]) {
        const messages = await told(id);
        assert.deepEqual(
          messages.map(({ id: messageId, verified, payload }) => ({ messageId, verified, ...Event.parse(payload) })),
          [{ messageId: messages[0]?.id, verified: true, id: messages[0]?.id, type: `batch.${status}`, data: { id } }],
        );
      }
      assert.equal(receiver.received.length, 3);
      // What has arrived is noted a moment after the receiver has it.
      await waitUntil(
        async () => {
          assert.equal(await sample('sluice_webhook_deliveries_waiting', { webhook: 'all' }), 0);
          assert.equal(await sample('sluice_webhook_deliveries_total', { webhook: 'all', outcome: 'delivered' }), 3);
          return true;
        },
        { what: 'all is told' },
      );
      const other = { webhook: 'another-team', outcome: 'delivered' };
      assert.equal(await sample('sluice_webhook_deliveries_total', other), 0);
    });

    test('what is counted of lines', async () => {
      const linesBefore = await sample('sluice_batch_lines_total', { outcome: 'completed' });
      const client = gateway.client();
      await untilEnded(
        client,
        await createBatch(
          client,
          Array.from({ length: 12 }, () => chat()),
        ),
      );
      assert.equal(await sample('sluice_batch_lines_total', { outcome: 'completed' }), (linesBefore ?? 0) + 12);
      assert.equal(await sample('sluice_batch_lines_in_flight'), 0);
      assert.equal(await sample('sluice_batch_lines_waiting'), 0);
      assert.notEqual(await sample('sluice_batch_lines_total', { outcome: 'paused' }), 0);
    });

    test('neither the secret nor the URL is in any log', () => {
      const output = gateway.output();
      assert.match(output, /batch/);
      for (const text of hidden) assert.ok(!output.includes(text), text);
    });
  });
}
