import type { EventEmitter } from 'node:events';
import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import type { AnswerStart, ContentEvent } from '@sluice/shared/contracts/token-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { drained } from '../http/drained.ts';
import { toErrorResponse } from '../http/error-response.ts';
import { toGatewayError } from './answer-failure.ts';
import type { AnswerBatch } from './open-answer.ts';

/** How a surface writes its stream. Each function returns whole SSE frames, or '' for nothing. */
export interface SseSurface {
  /** The answer begins: the last moment for response headers. */
  begin(start: AnswerStart): void;
  content(event: ContentEvent): string;
  end(usage: Usage): string;
}

/** As much of a response as a stream needs; Express's has it. */
export interface SseResponse extends EventEmitter {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  status(code: number): unknown;
  setHeader(name: string, value: string): unknown;
  flushHeaders(): void;
  /** False: it comes with 'drain' that more is welcome. */
  write(text: string): boolean;
  end(text: string): unknown;
}

/**
 * Streams an answer to the client as it arrives. An answer that fails before its first content is thrown, so that the
 * client gets a status; after it, the error is one last event and nothing follows. Waits for a slow reader.
 *
 * A client, or a proxy before it, may take silence for death: after `heartbeatMs` without a word the stream is opened,
 * if it is not yet, and gets a comment, which clients skip. From then on the status is 200, and an error an event.
 *
 * @param options `heartbeatMs`: 0 for none; `callId`: for an error to name
 * @throws GatewayError before the stream is open
 */
export async function sendSse(
  res: SseResponse,
  answer: AsyncIterable<AnswerBatch>,
  surface: SseSurface,
  { heartbeatMs, callId }: { readonly heartbeatMs: number; readonly callId?: string | undefined },
): Promise<void> {
  const heartbeat = heartbeatMs > 0 ? setInterval(beat, heartbeatMs) : undefined;
  try {
    await send();
  } finally {
    clearInterval(heartbeat);
  }

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
            if (!begun) startStream();
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
      heartbeat?.refresh();
      if (!res.write(frames)) await drained(res);
    }
  }

  function beat(): void {
    if (res.destroyed || res.writableNeedDrain) return;
    startStream();
    res.write(': waiting\n\n');
  }

  function begin(start: AnswerStart): void {
    surface.begin(start);
    startStream();
  }

  function startStream(): void {
    if (res.headersSent) return;
    res.status(200);
    res.setHeader('content-type', 'text/event-stream; charset=utf-8');
    res.setHeader('cache-control', 'no-cache');
    // Nginx and its kind otherwise hold a stream back until a buffer is full.
    res.setHeader('x-accel-buffering', 'no');
    res.flushHeaders();
  }

  function endWithError(frames: string, error: GatewayError): void {
    res.end(`${frames}data: ${JSON.stringify(toErrorResponse(error, callId).body)}\n\n`);
  }
}

const interrupted = 'The answer was interrupted: the worker that wrote it died. Send the request again.';
