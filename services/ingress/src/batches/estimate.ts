import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { dearestPrice } from '@sluice/shared/prices/dearest-price.ts';
import { priceFactorPpm } from '@sluice/shared/prices/price-factor.ts';
import type { Ask } from '../inference/admit-job.ts';
import { defaultBytesMax } from '../surfaces/openai/chat-job.ts';
import type { BatchEstimate } from './batch.ts';
import type { BatchPace } from './sql/batch-pace.ts';

/**
 * Adds up what the lines of a batch would use. Prices are the dearest of each line's model, as reservations have them;
 * fallbacks are left out.
 *
 * @param at epoch milliseconds: the moment of the prices
 */
export function createEstimate(config: GatewayConfig, at: number) {
  const ppm = priceFactorPpm(config.sluice.batch.priceFactor);
  let lines = 0;
  let inputTokens = 0;
  let outputTokensMax = 0;
  let inputCost = 0;
  let outputCostMax = 0;
  let costMax = 0;

  return {
    add({ body: { model }, bounds, outputTokens, choices, searchUnits }: Ask): void {
      const price = dearestPrice(config, [model], at, ppm);
      const outputMax = outputTokens * (choices?.([model]) ?? 1);
      const inputMax = bounds.inputTokensMax + defaultBytesMax(config, [model]);
      const cost = (input: number, output: number, searches = 0) =>
        callCostNanoUsd({ inputTokens: input, outputTokens: output, searchUnits: searches }, price);
      lines += 1;
      inputTokens += bounds.inputTokensEstimate;
      outputTokensMax += outputMax;
      inputCost += cost(bounds.inputTokensEstimate, 0, searchUnits);
      outputCostMax += cost(0, outputMax);
      costMax += cost(inputMax, outputMax, searchUnits);
    },

    result({ linesPerSecond, outputTokensPerLine }: BatchPace): BatchEstimate {
      const written = outputTokensPerLine === null ? outputTokensMax : Math.ceil(outputTokensPerLine * lines);
      const outputTokens = Math.min(written, outputTokensMax);
      const outputCost = outputTokensMax === 0 ? 0 : outputCostMax * (outputTokens / outputTokensMax);
      return {
        inputTokens: bounded(inputTokens),
        outputTokensMax: bounded(outputTokensMax),
        costNanoUsdMax: bounded(costMax),
        outputTokens: bounded(outputTokens),
        costNanoUsd: bounded(inputCost + outputCost),
        durationSeconds: linesPerSecond === null ? null : Math.ceil(lines / linesPerSecond),
      };
    },
  };
}

/** Whole, rounded up, and no more than a number can say exactly: sums of clients' own numbers may be any. */
function bounded(amount: number): number {
  return Math.min(Math.ceil(amount), Number.MAX_SAFE_INTEGER);
}
