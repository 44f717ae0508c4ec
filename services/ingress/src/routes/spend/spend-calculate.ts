import { ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import { callCostNanoUsd, type CallTokens } from '@sluice/shared/prices/call-cost.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { chatInputBounds } from '../../admission/input-bounds.ts';
import { parseManagementBody } from '../../http/parse-body.ts';
import { modelPrice } from './model-price.ts';
import { forReaders } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';

/**
 * POST /spend/calculate. What an answer cost, from the usage that it tells of, priced as the books price it; or about
 * what messages cost before there is an answer: their tokens are estimated, and nothing is written yet.
 */
export function spendCalculate(deps: SpendDeps): RequestHandler {
  return forReaders(deps, (req, res, { authenticated }) => {
    const { model, messages, completion_response: answer } = parseManagementBody(SpendCalculateRequest, req.body);
    const name = answer?.model ?? model;
    if (name == null) {
      throw new GatewayError(
        'invalid_management_request',
        "Bad Request - Either 'model' or 'completion_response' must be provided",
      );
    }
    const { price } = modelPrice(deps, authenticated, name);
    const tokens = answer ? usedBy(answer.usage) : estimated(name, messages ?? []);
    res.json({ cost: nanoUsdToUsd(callCostNanoUsd(tokens, price)) });
  });
}

const count = z.int().min(0).max(1e12);

const CompletionUsage = z.object({
  prompt_tokens: count.default(0),
  completion_tokens: count.default(0),
  prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: count.nullish() }).nullish(),
});

export const SpendCalculateRequest = z.object({
  model: z.string().min(1).nullish(),
  messages: z.array(ChatMessage).max(10_000).nullish(),
  completion_response: z.object({ model: z.string().min(1).nullish(), usage: CompletionUsage }).nullish(),
});

function usedBy(usage: z.infer<typeof CompletionUsage>): CallTokens {
  return {
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    cachedInputTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

function estimated(model: string, messages: ChatMessage[]): CallTokens {
  if (messages.length === 0) return { inputTokens: 0, outputTokens: 0 };
  return { inputTokens: chatInputBounds({ model, messages }).inputTokensEstimate, outputTokens: 0 };
}
