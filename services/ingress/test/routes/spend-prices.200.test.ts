import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

// The sample's aliases cost 3 USD for a million tokens in and 15 USD for a million out.

const calculations: readonly { why: string; body: object; cost: number }[] = [
  {
    why: 'an answer, by the usage that it tells of',
    body: { completion_response: { model: 'grok', usage: { prompt_tokens: 1_000, completion_tokens: 100 } } },
    cost: 0.0045,
  },
  {
    why: 'each side rounds up to a nano-dollar on its own, as in the books',
    body: {
      model: 'oci/xai.grok-4',
      completion_response: { usage: { prompt_tokens: 1, completion_tokens: 1 } },
    },
    cost: 0.000018,
  },
  {
    why: 'cached and reasoning tokens have prices of their own',
    body: {
      completion_response: {
        model: 'thinker',
        usage: {
          prompt_tokens: 1_000_000,
          completion_tokens: 1_000_000,
          prompt_tokens_details: { cached_tokens: 1_000_000 },
          completion_tokens_details: { reasoning_tokens: 500_000 },
        },
      },
    },
    cost: 18.25,
  },
  {
    why: 'messages, by an estimate of a token for four characters, and four for each message',
    body: { model: 'grok', messages: [{ role: 'user', content: 'x'.repeat(400) }] },
    cost: 0.000312,
  },
  { why: 'a model alone: nothing was sent', body: { model: 'grok' }, cost: 0 },
];
for (const { why, body, cost } of calculations) {
  test(`POST /spend/calculate 200: ${why}`, async () => {
    const { status, body: answer } = await books.post('/spend/calculate', body);
    assert.equal(status, 200, JSON.stringify(answer));
    assert.deepEqual(answer, { cost });
  });
}

test('POST /cost/estimate 200: a request, a day and a month, to the nano-dollar', async () => {
  const { status, body } = await books.post('/cost/estimate', {
    model: 'grok',
    input_tokens: 1_000,
    output_tokens: 100,
    num_requests_per_day: 10,
    num_requests_per_month: 300_000_000,
  });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    model: 'grok',
    input_tokens: 1_000,
    output_tokens: 100,
    num_requests_per_day: 10,
    num_requests_per_month: 300_000_000,
    cost_per_request: 0.0045,
    input_cost_per_request: 0.003,
    output_cost_per_request: 0.0015,
    margin_cost_per_request: 0,
    daily_cost: 0.045,
    daily_input_cost: 0.03,
    daily_output_cost: 0.015,
    daily_margin_cost: 0,
    monthly_cost: 1_350_000,
    monthly_input_cost: 900_000,
    monthly_output_cost: 450_000,
    monthly_margin_cost: 0,
    input_cost_per_token: 0.000003,
    output_cost_per_token: 0.000015,
    provider: 'oci',
  });
});

test('POST /cost/estimate 200: a model of the price book; without numbers of requests no sums of them', async () => {
  const { body } = await books.post('/cost/estimate', { model: 'xai.grok-4', input_tokens: 1, output_tokens: 0 });
  assert.deepEqual(
    [body.cost_per_request, body.daily_cost, body.monthly_margin_cost, body.provider],
    [0.000003, null, null, 'oci'],
  );
});
