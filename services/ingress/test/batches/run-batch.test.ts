import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import type { Batch, BatchStatus } from '../../src/batches/batch.ts';
import { endOfWindow } from '../../src/routes/openai/batches/new-batch.ts';
import { Window } from '../../src/batches/window.ts';
import { createAnnounce } from '../../src/webhooks/announce.ts';
import { chatLine, openBatches } from './open-batches.ts';
import type { Batches } from './open-batches.ts';
import { openRunner, textAnswer } from './open-runner.ts';
import type { RunnerOptions } from './open-runner.ts';

let batches: Batches;
let open: AsyncDisposableStack;
before(async () => {
  batches = await openBatches();
  open = new AsyncDisposableStack();
});
afterEach(async () => {
  await open.disposeAsync();
  open = new AsyncDisposableStack();
  await batches.sql.query('truncate ingress.batches, ingress.batch_lines');
});
after(() => batches[Symbol.asyncDispose]());

/** The lines of a batch, and a runner that has it. */
async function begin(lines: readonly string[], options: RunnerOptions, completionWindow = '24h') {
  const createdAt = options.now?.() ?? Date.now();
  const expiresAt = endOfWindow(completionWindow, createdAt);
  const fileId = await batches.upload(lines.join('\n'));
  const { batchId } = await batches.claimed(fileId, { createdAt, expiresAt, completionWindow });
  const runner = open.use(await openRunner(batches, options));
  await runner.leases.claim();
  return { batchId, ...runner };
}

const until = (batchId: string, what: string, isSo: (batch: Batch) => boolean) =>
  waitUntil(
    async () => {
      const batch = await batches.read(batchId);
      return isSo(batch) ? batch : null;
    },
    { what, deadlineMs: 30_000 },
  );
const is = (wanted: BatchStatus) => (batch: Batch) => batch.status === wanted;
const lines = (count: number) => Array.from({ length: count }, (_, nth) => chatLine(`c${nth}`));

test('when the time it was given is over, a batch expires with what it has, and that is told', async () => {
  let ahead = 0;
  const announce = createAnnounce([{ name: 'all', events: ['batch.expired'], teams: null }]);
  let given = 0;
  const { batchId, leases } = await begin(
    lines(10),
    {
      now: () => Date.now() + ahead,
      answer: () => ((given += 1) <= 4 ? Promise.resolve(textAnswer('Hello.')) : null),
      deps: { announce },
    },
    '1m',
  );
  await until(batchId, 'four lines', ({ completedLines }) => completedLines === 4);
  ahead = 59_000;
  await leases.renew();
  assert.equal((await batches.read(batchId)).status, 'in_progress');
  ahead = 61_000;
  await leases.renew();
  const batch = await until(batchId, 'its end', is('expired'));
  assert.deepEqual([batch.completedLines, batch.failedLines, batch.errors], [4, 6, []]);
  assert.ok(batch.outputFileId !== null && batch.errorFileId !== null);
  const { rows } = await batches.sql.query(`select payload ->> 'type' as type from ingress.webhook_deliveries`);
  assert.deepEqual(rows, [{ type: 'batch.expired' }]);
});

test('of large answers no more are on their way than there is memory for, also while they are not stored', async () => {
  const answerBytes = 100_000;
  const answerBytesMax = 16 * answerBytes;
  const large = textAnswer('x'.repeat(answerBytes));
  let onWay = 0;
  let most = 0;
  const { batchId } = await begin(lines(60), {
    answer: async () => {
      onWay += 1;
      most = Math.max(most, onWay);
      return large;
    },
    deps: {
      window: new Window({ lines: 1_000, answerBytesMax, now: Date.now }),
      // On their way until they are stored.
      sql: {
        transaction: (body) => batches.sql.transaction(body),
        async query(text, values) {
          const done = await batches.sql.query(text, values);
          if (text.includes('given as')) onWay -= Array.isArray(values?.[2]) ? values[2].length : 0;
          return done;
        },
      },
    },
  });
  await until(batchId, 'its end', is('completed'));
  assert.ok(most > 1 && most * answerBytes <= answerBytesMax + answerBytes, `${most} answers at a time`);
});
