import type { AnswerStart } from '@sluice/shared/contracts/token-event.ts';
import type { SseSurface } from '../../stream/send-sse.ts';
import { createAnswerSummary } from '../../stream/answer-summary.ts';
import { createChunkWriter, doneFrame } from './chunk-writer.ts';
import type { ChunkWriter } from './chunk-writer.ts';

/** An answer as a stream of OpenAI's chunks. @param onStart called before the response's headers are sent */
export function chatStream(
  answer: { id: string; created: number; alias: string; shownAs?: string; includeUsage: boolean },
  onStart: (start: AnswerStart) => void,
): SseSurface {
  const summary = createAnswerSummary(answer.alias, answer.shownAs);
  let writer: ChunkWriter | undefined;
  // The model's name is known with the answer's start; an answer without content has none.
  const chunks = () => (writer ??= createChunkWriter({ ...answer, model: summary.modelName }));
  return {
    begin(start) {
      summary.note(start);
      onStart(start);
    },
    content: (event) => chunks().content(event),
    end: (usage) => (answer.includeUsage ? chunks().usage(usage) : '') + doneFrame,
  };
}
