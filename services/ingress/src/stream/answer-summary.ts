import type { AnswerStart, TokenEvent, Usage } from '@sluice/shared/contracts/token-event.ts';
import type { Restart } from './open-answer.ts';

/** What is known of an answer besides its content: where it came from, what it used. */
export interface AnswerSummary {
  note(event: TokenEvent | Restart): void;
  readonly start: AnswerStart | null;
  readonly usage: Usage;
  /** null until the answer is complete. */
  readonly costNanoUsd: number | null;
  /** Of all calls that were made for it, also where it failed. */
  readonly billedNanoUsd: number;
  /** The alias that the client asked for; after a fallback, the upstream model that answered (contract §8.5). */
  readonly modelName: string;
}

/** @param shownAs what the client called it; absent: as the alias */
export function createAnswerSummary(alias: string, shownAs = alias): AnswerSummary {
  let start: AnswerStart | null = null;
  let usage: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  let costNanoUsd: number | null = null;
  let billedNanoUsd = 0;
  return {
    note(event) {
      if (event.type === 'answer-start') start = event;
      if (event.type === 'answer-end') {
        ({ usage, costNanoUsd } = event);
        billedNanoUsd = event.billedNanoUsd ?? costNanoUsd;
      }
      if (event.type === 'answer-error') ({ billedNanoUsd = 0 } = event);
    },
    get start() {
      return start;
    },
    get usage() {
      return usage;
    },
    get costNanoUsd() {
      return costNanoUsd;
    },
    get billedNanoUsd() {
      return billedNanoUsd;
    },
    get modelName() {
      return start && start.alias !== alias ? start.model.slice(start.model.indexOf('/') + 1) : shownAs;
    },
  };
}
