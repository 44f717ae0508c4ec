import { throwAnswerError } from '../../stream/answer-failure.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';
import type { AnswerBatch } from '../../stream/open-answer.ts';
import type { ContentEvent } from '@sluice/shared/contracts/token-event.ts';

type Moderation = Extract<ContentEvent, { type: 'moderation' }>;

/** OCI's own scores are 0 or 1 (oci-wire.md §5.3); only those of personal data lie between. */
const flaggedFrom = 0.5;

/**
 * OpenAI's answer to moderations from an answer's events, in the order of the inputs. Categories are the provider's,
 * in lower case.
 * @throws GatewayError when the answer failed
 */
export async function collectModerations(
  answer: AsyncIterable<AnswerBatch>,
  summary: AnswerSummary,
  id: string,
): Promise<Record<string, unknown>> {
  const found: Moderation[] = [];
  for await (const batch of answer) {
    for (const event of batch) {
      summary.note(event);
      if (event.type === 'restart') found.length = 0;
      if (event.type === 'moderation') found[event.index] = event;
      if (event.type === 'answer-error') throwAnswerError(event);
    }
  }
  return { id, model: summary.modelName, results: found.map(resultOf) };
}

function resultOf({ categories, entities }: Moderation): Record<string, unknown> {
  const flags = categories.map(({ name, score }) => [name, score >= flaggedFrom] as const);
  return {
    flagged: flags.some(([, flagged]) => flagged),
    categories: Object.fromEntries(flags),
    category_scores: Object.fromEntries(categories.map(({ name, score }) => [name, score])),
    category_applied_input_types: Object.fromEntries(categories.map(({ name }) => [name, ['text']])),
    ...(categories.some(({ name }) => name === 'pii') && { pii_entities: entities }),
  };
}
