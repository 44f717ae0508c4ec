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

type BilledTokens = Pick<BilledCall, 'model' | 'promptTokens' | 'completionTokens' | 'cachedTokens'>;

export function costOfBilled({ model, promptTokens, completionTokens, cachedTokens }: BilledTokens): number {
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

export async function spendRows(gateway: Pick<TestGateway, 'request'>, key: string): Promise<Row[]> {
  const response = await gateway.request(`/spend/logs?api_key=${key}`);
  return z.array(Row).parse(await response.json());
}

/** Holds the books against the bill. A call is known by the id that we sent with it. */
export function compareWithBill(billed: readonly BilledCall[], rows: readonly Row[]) {
  const rowsOf = Map.groupBy(rows, ({ request_id, metadata }) => `${request_id}:${metadata.sluice.call}`);
  const unbooked: string[] = [];
  const differing: unknown[] = [];
  const notEstimated: string[] = [];
  const completed = new Set<string>();
  let completedNanoUsd = 0;
  for (const call of billed) {
    const callId = (call.clientRequestId ?? '').replace(/\.[0-9a-f]{8}$/, '');
    const [row] = rowsOf.get(callId) ?? [];
    if (!row) {
      unbooked.push(callId);
      continue;
    }
    const { outcome, estimated } = row.metadata.sluice;
    if (outcome !== 'completed') {
      if (!estimated) notEstimated.push(callId);
      continue;
    }
    completed.add(call.callId);
    const spent = Math.round(row.spend * 1e9);
    completedNanoUsd += spent;
    const agrees =
      row.prompt_tokens === call.promptTokens &&
      row.completion_tokens === call.completionTokens &&
      spent === costOfBilled(call) &&
      row.metadata.sluice.provider_request_id === call.callId;
    if (!agrees) differing.push({ row, call });
  }
  const twice = [...rowsOf].filter(([, same]) => same.length > 1).map(([callId]) => callId);
  return { unbooked, twice, differing, notEstimated, completed, completedNanoUsd };
}
