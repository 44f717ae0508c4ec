import type { RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import { throwAnswerError } from '../../stream/answer-failure.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';
import type { AnswerBatch } from '../../stream/open-answer.ts';

/**
 * Cohere's answer from an answer's events, the best document first. Documents come back as they were sent, a text as
 * `{text}`.
 * @throws GatewayError when the answer failed
 */
export async function collectReranking(
  answer: AsyncIterable<AnswerBatch>,
  summary: AnswerSummary,
  { id, request, searchUnits }: { id: string; request: RerankRequest; searchUnits: number },
): Promise<Record<string, unknown>> {
  const ranks: { index: number; score: number }[] = [];
  for await (const batch of answer) {
    for (const event of batch) {
      summary.note(event);
      if (event.type === 'restart') ranks.length = 0;
      if (event.type === 'rank') ranks.push(event);
      if (event.type === 'answer-error') throwAnswerError(event);
    }
  }
  const { documents, return_documents: returnDocuments } = request;
  const documentAt = (index: number) => {
    const document = documents[index];
    return typeof document === 'string' ? { text: document } : document;
  };
  return {
    id,
    results: ranks.map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(returnDocuments !== false && { document: documentAt(index) }),
    })),
    meta: {
      api_version: { version: '2' },
      billed_units: { search_units: searchUnits },
      tokens: { input_tokens: summary.usage.inputTokens, output_tokens: 0 },
    },
  };
}
