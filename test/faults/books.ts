import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { z } from 'zod';
import type { TestGateway } from '../e2e/gateway.ts';
import type { BilledCall } from '../oci-simulator/billing.ts';

const prices = loadPriceBook();

/** What the provider's bill comes to at our prices, call by call. Nano-USD. */
export function billedNanoUsd(billed: readonly BilledCall[]): number {
  return billed.reduce((sum, call) => sum + costOfBilled(call), 0);
}

export function costOfBilled({ model, promptTokens, completionTokens, cachedTokens }: BilledCall): number {
  const price = prices.find(`oci/${model}`)?.price;
  if (!price) throw new Error(`no price for ${model}`);
  const tokens = { inputTokens: promptTokens, outputTokens: completionTokens, cachedInputTokens: cachedTokens };
  return callCostNanoUsd(tokens, price);
}

const KeyInfo = z.object({ info: z.object({ spend: z.number() }) });

export async function balanceUsd(gateway: TestGateway, key: string): Promise<number> {
  const response = await gateway.request(`/key/info?key=${key}`);
  return KeyInfo.parse(await response.json()).info.spend;
}

/** The part of a spend row that the books are held against the bill with. */
export const Row = z.object({
  request_id: z.string(),
  spend: z.number(),
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  status: z.enum(['success', 'failure']),
  metadata: z.looseObject({
    sluice: z.looseObject({
      outcome: z.enum(['completed', 'cut', 'failed']),
      call: z.int(),
      estimated: z.boolean(),
      provider_request_id: z.string().nullable(),
    }),
  }),
});
export type Row = z.infer<typeof Row>;

export async function spendRows(gateway: TestGateway, key: string): Promise<Row[]> {
  const response = await gateway.request(`/spend/logs?api_key=${key}`);
  return z.array(Row).parse(await response.json());
}
