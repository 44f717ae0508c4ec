import type { AnswerBatch } from '../../stream/open-answer.ts';
import { throwAnswerError } from '../../stream/answer-failure.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';

/**
 * OpenAI's list of embeddings from an answer's events, in the order of the inputs.
 * @throws GatewayError when the answer failed
 */
export async function collectEmbeddings(
  answer: AsyncIterable<AnswerBatch>,
  summary: AnswerSummary,
): Promise<Record<string, unknown>> {
  const vectors: (readonly number[] | string)[] = [];
  for await (const batch of answer) {
    for (const event of batch) {
      summary.note(event);
      if (event.type === 'restart') vectors.length = 0;
      if (event.type === 'embedding') vectors[event.index] = event.embedding;
      if (event.type === 'answer-error') throwAnswerError(event);
    }
  }
  const { inputTokens } = summary.usage;
  return {
    object: 'list',
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    model: summary.modelName,
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
  };
}
