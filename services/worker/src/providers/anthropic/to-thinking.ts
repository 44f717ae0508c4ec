import type { ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import type { WireObject } from '../http/wire.ts';
import type { ClaudeGeneration } from './claude-models.ts';

/** The least that the API takes. */
const budgetTokensMin = 1024;

/** As LiteLLM translates them. */
const budgetByEffort: ReadonlyMap<string, number> = new Map([
  ['minimal', 1024],
  ['low', 1024],
  ['medium', 2048],
  ['high', 4096],
  ['xhigh', 8192],
  ['max', 16_384],
]);

/** OpenAI's words for no reasoning, and LiteLLM's. */
const noEffort: ReadonlySet<string> = new Set(['none', 'disable']);

/** The request's part about thinking, and the effort that goes into `output_config`. */
export interface Thinking {
  readonly thinking?: WireObject;
  readonly effort?: string;
}

/** Whether an effort can be asked of a model; to ask for none is always possible. */
export function knowsEffort(effort: string, generation: ClaudeGeneration): boolean {
  return noEffort.has(effort) || (generation.thinking !== 'none' && budgetByEffort.has(effort));
}

/**
 * A budget is at most half of the answer's tokens, which it is a part of; there is none where that is too little, and
 * none behind results of tools, because there the API wants back what the model thought before, and that has no place
 * in OpenAI's messages.
 */
export function toThinking(
  effort: string | null | undefined,
  {
    generation,
    maxTokens,
    messages,
  }: {
    readonly generation: ClaudeGeneration;
    readonly maxTokens: number;
    readonly messages: readonly ChatMessage[];
  },
): Thinking {
  if (effort === null || effort === undefined || noEffort.has(effort)) return {};
  switch (generation.thinking) {
    case 'none':
      return {};
    case 'effort':
      return {
        thinking: { type: 'adaptive', ...(generation.hidesThinking ? { display: 'summarized' } : {}) },
        effort: effort === 'minimal' ? 'low' : effort,
      };
    case 'budget': {
      const budget = Math.min(budgetByEffort.get(effort) ?? budgetTokensMin, Math.floor(maxTokens / 2));
      if (budget < budgetTokensMin || messages.at(-1)?.role === 'tool') return {};
      return { thinking: { type: 'enabled', budget_tokens: budget } };
    }
  }
}
