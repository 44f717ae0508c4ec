import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gateways } from '../e2e/gateway.ts';
import type { TestGateway } from '../e2e/gateway.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { balanceUsd, billedNanoUsd } from './books.ts';

const calls = 300;
const ask = (text: string) => ({
  model: 'llama',
  messages: [{ role: 'user' as const, content: `${text} #sim {"outputTokens":20,"delayMs":20}` }],
  max_tokens: 20,
});

/** What one such call costs, measured on a key without a budget. Nano-USD. */
async function costOfOne(gateway: TestGateway): Promise<number> {
  gateway.simulator.clearBilled();
  await gateway.client(await gateway.newKey()).chat.completions.create(ask('call 000'));
  const cost = billedNanoUsd(gateway.simulator.billed());
  gateway.simulator.clearBilled();
  return cost;
}

for (const { mode, open } of gateways) {
  describe(`${mode}: ${calls} calls at once on a key with a budget`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open();
    });
    after(() => gateway[Symbol.asyncDispose]());

    const cases = [
      { budgetInCalls: 100, why: 'a third of them fits' },
      { budgetInCalls: 7.5, why: 'a few fit, and a half' },
      { budgetInCalls: 10_000, why: 'all of them fit' },
    ];
    for (const { budgetInCalls, why } of cases) {
      test(`the provider's bill never passes the budget, and what fits succeeds: ${why}`, async () => {
        const one = await costOfOne(gateway);
        const budgetNanoUsd = Math.floor(one * budgetInCalls);
        const key = await gateway.newKey({ max_budget: budgetNanoUsd / 1e9 });
        const client = gateway.client(key);

        const outcomes = await Promise.all(
          Array.from({ length: calls }, async (_, index) => {
            try {
              await client.chat.completions.create(ask(`call ${String(index).padStart(3, '0')}`));
              return 'answered';
            } catch (error) {
              return error instanceof Error && 'type' in error ? String(error.type) : String(error);
            }
          }),
        );

        const bill = billedNanoUsd(gateway.simulator.billed());
        assert.ok(bill <= budgetNanoUsd, `billed ${bill} of ${budgetNanoUsd} nano-USD`);
        const others = outcomes.filter((outcome) => outcome !== 'answered');
        assert.deepEqual([...new Set(others)], budgetInCalls >= calls ? [] : ['budget_exceeded']);
        const answered = outcomes.filter((outcome) => outcome === 'answered').length;
        const fitting = Math.min(calls, Math.floor(budgetInCalls));
        // A call is let in while its most expensive outcome fits, so at the very end a little room stays unused.
        const leastAnswered = fitting === calls ? calls : Math.floor(fitting * 0.9) - 1;
        assert.ok(answered >= leastAnswered, `${answered} answered of ${fitting} that fit`);
        await waitUntil(async () => Math.abs((await balanceUsd(gateway, key)) - bill / 1e9) < 1e-12, {
          what: 'the books to agree with the bill',
        });
      });
    }
  });
}
