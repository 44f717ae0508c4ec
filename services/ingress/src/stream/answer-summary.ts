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
  return new Summary(alias, shownAs);
}

class Summary implements AnswerSummary {
  readonly #alias: string;
  readonly #shownAs: string;
  start: AnswerStart | null = null;
  usage: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  costNanoUsd: number | null = null;
  billedNanoUsd = 0;

  constructor(alias: string, shownAs: string) {
    this.#alias = alias;
    this.#shownAs = shownAs;
  }

  note(event: TokenEvent | Restart): void {
    if (event.type === 'answer-start') this.start = event;
    if (event.type === 'answer-end') {
      this.usage = event.usage;
      this.costNanoUsd = event.costNanoUsd;
      this.billedNanoUsd = event.billedNanoUsd ?? event.costNanoUsd;
    }
    if (event.type === 'answer-error') this.billedNanoUsd = event.billedNanoUsd ?? 0;
  }

  get modelName(): string {
    const { start } = this;
    return start && start.alias !== this.#alias ? start.model.slice(start.model.indexOf('/') + 1) : this.#shownAs;
  }
}
