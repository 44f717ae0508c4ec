import { usdOfSum } from '@sluice/shared/money.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseManagementBody } from '../../http/parse-body.ts';
import { usdPerToken } from '../../models/usd-per-token.ts';
import { modelPrice } from './model-price.ts';
import { forReaders } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';

/** POST /cost/estimate. What so many requests of this size would cost; there is no margin on the provider's price. */
export function costEstimate(deps: SpendDeps): RequestHandler {
  return forReaders(deps, (req, res, { authenticated }) => {
    const request = parseManagementBody(CostEstimateRequest, req.body);
    const { model, input_tokens: inputTokens, output_tokens: outputTokens } = request;
    const { price, provider } = modelPrice(deps, authenticated, model);
    const input = callCostNanoUsd({ inputTokens, outputTokens: 0 }, price);
    const output = callCostNanoUsd({ inputTokens: 0, outputTokens }, price);

    const perDay = request.num_requests_per_day ?? null;
    const perMonth = request.num_requests_per_month ?? null;
    const [one, day, month] = [1, perDay, perMonth].map((requests) => costsOf(input, output, requests));
    res.json({
      model,
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      num_requests_per_day: perDay,
      num_requests_per_month: perMonth,
      cost_per_request: one?.total,
      input_cost_per_request: one?.input,
      output_cost_per_request: one?.output,
      margin_cost_per_request: one?.margin,
      daily_cost: day?.total,
      daily_input_cost: day?.input,
      daily_output_cost: day?.output,
      daily_margin_cost: day?.margin,
      monthly_cost: month?.total,
      monthly_input_cost: month?.input,
      monthly_output_cost: month?.output,
      monthly_margin_cost: month?.margin,
      input_cost_per_token: usdPerToken(price.inputNanoUsdPerMillion),
      output_cost_per_token: usdPerToken(price.outputNanoUsdPerMillion),
      provider,
    });
  });
}

const tokens = z.int().min(0).max(1e12);
const requests = z.int().min(0).max(1e12);

export const CostEstimateRequest = z.object({
  model: z.string().min(1),
  input_tokens: tokens,
  output_tokens: tokens,
  num_requests_per_day: requests.nullish(),
  num_requests_per_month: requests.nullish(),
});

/** USD; null where nobody says how many requests. */
function costsOf(input: number, output: number, count: number | null) {
  const usd = (nanoUsd: number) => (count === null ? null : usdOfSum(BigInt(nanoUsd) * BigInt(count)));
  return { input: usd(input), output: usd(output), total: usd(input + output), margin: usd(0) };
}
