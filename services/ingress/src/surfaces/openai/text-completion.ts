import type { AnswerStart, FinishReason } from '@sluice/shared/contracts/token-event.ts';
import { throwAnswerError } from '../../stream/answer-failure.ts';
import { createAnswerSummary } from '../../stream/answer-summary.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';
import type { AnswerBatch } from '../../stream/open-answer.ts';
import type { SseSurface } from '../../stream/send-sse.ts';
import { doneFrame } from './chunk-writer.ts';
import { openAiUsage } from './usage.ts';

/** What all pieces of one answer to a legacy completion have in common. */
export interface TextCompletion {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly alias: string;
  /** What the client called it; absent: as the alias. */
  readonly shownAs?: string;
  /** What each choice begins with: the prompt where it is to be echoed, else ''. */
  readonly prefix: string;
}

/** @throws GatewayError when the answer failed */
export async function collectTextCompletion(
  answer: AsyncIterable<AnswerBatch>,
  summary: AnswerSummary,
  { id, created, prefix }: TextCompletion,
): Promise<Record<string, unknown>> {
  const choices = new Map<number, { text: string; finish: FinishReason }>();
  const choiceAt = (index: number) => {
    const choice = choices.get(index) ?? { text: prefix, finish: 'stop' };
    choices.set(index, choice);
    return choice;
  };
  for await (const batch of answer) {
    for (const event of batch) {
      summary.note(event);
      if (event.type === 'restart') choices.clear();
      if (event.type === 'text-delta') choiceAt(event.choice).text += event.text;
      if (event.type === 'choice-end') choiceAt(event.choice).finish = event.finishReason;
      if (event.type === 'answer-error') throwAnswerError(event);
    }
  }
  return {
    id,
    object: 'text_completion',
    created,
    model: summary.modelName,
    choices: [...choices]
      .toSorted(([one], [other]) => one - other)
      .map(([index, { text, finish }]) => choiceObject(index, text, finish)),
    usage: openAiUsage(summary.usage),
  };
}

/** @param onStart called before the response's headers are sent */
export function textCompletionStream(
  { id, created, alias, shownAs, prefix }: TextCompletion,
  includeUsage: boolean,
  onStart: (start: AnswerStart) => void,
): SseSurface {
  const summary = createAnswerSummary(alias, shownAs);
  const begun = new Set<number>();
  const frame = (choices: readonly unknown[], usage: Record<string, unknown> | null) => {
    const envelope = { id, object: 'text_completion', created, model: summary.modelName, choices };
    return `data: ${JSON.stringify(includeUsage ? { ...envelope, usage } : envelope)}\n\n`;
  };
  /** The first piece of each choice has the prefix. */
  const piece = (choice: number, text: string, finish: FinishReason | null) => {
    const whole = begun.has(choice) ? text : prefix + text;
    begun.add(choice);
    return frame([choiceObject(choice, whole, finish)], null);
  };
  return {
    begin(start) {
      summary.note(start);
      onStart(start);
    },
    content(event) {
      if (event.type === 'text-delta') return piece(event.choice, event.text, null);
      return event.type === 'choice-end' ? piece(event.choice, '', event.finishReason) : '';
    },
    end: (usage) => (includeUsage ? frame([], openAiUsage(usage)) : '') + doneFrame,
  };
}

/** A deployment's own tools may be called, which a completion has no word for. */
function choiceObject(index: number, text: string, finish: FinishReason | null): Record<string, unknown> {
  return { text, index, logprobs: null, finish_reason: finish === 'tool_calls' ? 'stop' : finish };
}
