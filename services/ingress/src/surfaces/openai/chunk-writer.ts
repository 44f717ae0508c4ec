import type { ContentEvent, Usage } from '@sluice/shared/contracts/token-event.ts';
import { openAiLogProbs, urlCitationAnnotation } from './answer-details.ts';
import { openAiUsage } from './usage.ts';

/** Writes one answer as OpenAI's `chat.completion.chunk` events, each a whole SSE frame. */
export interface ChunkWriter {
  /** '' for events that have no chunk. */
  content(event: ContentEvent): string;
  /** The extra last chunk that `stream_options.include_usage` asks for. */
  usage(usage: Usage): string;
}

/** The end of a stream that is complete. */
export const doneFrame = 'data: [DONE]\n\n';

/**
 * @param includeUsage every chunk then has `usage`, null until the last, as OpenAI does
 */
export function createChunkWriter(answer: {
  id: string;
  created: number;
  model: string;
  includeUsage: boolean;
}): ChunkWriter {
  // The envelope is the same for every chunk of a stream: built once, since chunks are the hot path.
  const head =
    `data: {"id":${JSON.stringify(answer.id)},"object":"chat.completion.chunk","created":${answer.created},` +
    `"model":${JSON.stringify(answer.model)},"system_fingerprint":null,"choices":[`;
  const tail = answer.includeUsage ? '],"usage":null}\n\n' : ']}\n\n';
  const begun = new Set<number>();

  const frame = (choice: number, delta: string, finishReason: string, logprobs = 'null') =>
    `${head}{"index":${choice},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finishReason}}${tail}`;
  /** The first delta of each choice carries the role. */
  const delta = (choice: number, fields: string) => {
    if (begun.has(choice)) return `{${fields}}`;
    begun.add(choice);
    return `{"role":"assistant"${fields === '' ? '' : ','}${fields}}`;
  };

  return {
    content(event) {
      switch (event.type) {
        case 'text-delta':
          return frame(event.choice, delta(event.choice, `"content":${JSON.stringify(event.text)}`), 'null');
        case 'reasoning-delta':
          return frame(event.choice, delta(event.choice, `"reasoning_content":${JSON.stringify(event.text)}`), 'null');
        case 'refusal-delta':
          return frame(event.choice, delta(event.choice, `"refusal":${JSON.stringify(event.text)}`), 'null');
        case 'logprobs': {
          const logprobs = JSON.stringify(openAiLogProbs(event.tokens));
          return frame(event.choice, delta(event.choice, ''), 'null', logprobs);
        }
        case 'url-citation': {
          const annotations = JSON.stringify([urlCitationAnnotation(event)]);
          return frame(event.choice, delta(event.choice, `"annotations":${annotations}`), 'null');
        }
        case 'provider-fields': {
          const fields = JSON.stringify(event.fields);
          return frame(event.choice, delta(event.choice, `"provider_specific_fields":${fields}`), 'null');
        }
        case 'tool-call-delta': {
          const call = {
            index: event.toolCall,
            ...(event.id !== undefined && { id: event.id, type: 'function' }),
            function: { ...(event.name !== undefined && { name: event.name }), arguments: event.arguments },
          };
          return frame(event.choice, delta(event.choice, `"tool_calls":[${JSON.stringify(call)}]`), 'null');
        }
        case 'choice-end':
          return frame(event.choice, delta(event.choice, ''), JSON.stringify(event.finishReason));
        case 'embedding':
        case 'rank':
        case 'moderation':
          return '';
      }
    },
    usage: (usage) => `${head}],"usage":${JSON.stringify(openAiUsage(usage))}}\n\n`,
  };
}
