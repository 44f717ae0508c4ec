import type { EventEmitter } from 'node:events';
import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import type { AnswerStart, ContentEvent } from '@sluice/shared/contracts/token-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { drained } from '../http/drained.ts';
import { toErrorResponse } from '../http/error-response.ts';
import { toGatewayError } from './answer-failure.ts';
import { startStream } from './heartbeat.ts';
import type { Heartbeat, StreamHead } from './heartbeat.ts';
import type { AnswerBatch } from './open-answer.ts';

/** How a surface writes its stream. Each function returns whole SSE frames, or '' for nothing. */
export interface SseSurface {
  /** The answer begins: the last moment for response headers. */
  begin(start: AnswerStart): void;
  content(event: ContentEvent): string;
  end(usage: Usage): string;
}

/** As much of a response as a stream needs; Express's has it. */
export interface SseResponse extends EventEmitter, StreamHead {
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  /** False: it comes with 'drain' that more is welcome. */
  write(text: string): boolean;
  end(text: string): unknown;
}

/**
 * Streams an answer to the client as it arrives. An answer that fails before its first content is thrown, so that the
 * client gets a status, unless the stream was kept alive until then; after it, the error is one last event and nothing
 * follows. Waits for a slow reader.
 *
 * @param options `heartbeat`: ends with the answer; `callId`: for an error to name
 * @throws GatewayError before the stream is open
 */
export async function sendSse(
  res: SseResponse,
  answer: AsyncIterable<AnswerBatch>,
  surface: SseSurface,
  { heartbeat, callId }: { readonly heartbeat: Heartbeat; readonly callId?: string | undefined },
): Promise<void> {
  using _ = heartbeat;
  await send();

  async function send(): Promise<void> {
    let begun = false;
    for await (const batch of answer) {
      let frames = '';
      for (const event of batch) {
        switch (event.type) {
          case 'answer-start':
            if (!begun) begin(event);
            begun = true;
            break;
          case 'restart':
            // Another attempt writes its own answer; half of one and all of another is nothing a client can use.
            if (begun) return endWithError(frames, new GatewayError('stream_interrupted', interrupted));
            break;
          case 'answer-error': {
            const error = toGatewayError(event);
            if (!res.headersSent) throw error;
            return endWithError(frames, error);
          }
          case 'answer-end':
            // An answer without any content has no answer-start either.
            if (!begun) startStream(res);
            begun = true;
            res.end(frames + surface.end(event.usage));
            return;
          case 'text-delta':
          case 'reasoning-delta':
          case 'refusal-delta':
          case 'tool-call-delta':
          case 'logprobs':
          case 'url-citation':
          case 'provider-fields':
          case 'choice-end':
          case 'embedding':
          case 'rank':
          case 'moderation':
            frames += surface.content(event);
            break;
        }
      }
      if (frames === '') continue;
      heartbeat.refresh();
      if (!res.write(frames)) await drained(res);
    }
  }

  function begin(start: AnswerStart): void {
    surface.begin(start);
    startStream(res);
  }

  function endWithError(frames: string, error: GatewayError): void {
    res.end(frames + errorFrame(error, callId));
  }
}

/** The last event of a stream that has failed. */
export function errorFrame(error: unknown, callId?: string): string {
  return `data: ${JSON.stringify(toErrorResponse(error, callId).body)}\n\n`;
}

const interrupted = 'The answer was interrupted: the worker that wrote it died. Send the request again.';
