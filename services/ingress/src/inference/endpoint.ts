import type { GatewayConfig, Mode } from '@sluice/shared/config/gateway-config.ts';
import type { CallType } from '@sluice/shared/contracts/call-type.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { AnswerStart } from '@sluice/shared/contracts/token-event.ts';
import type { z } from 'zod';
import type { Authenticated } from '../auth/authenticated.ts';
import type { AnswerSummary } from '../stream/answer-summary.ts';
import type { AnswerBatch } from '../stream/open-answer.ts';
import type { SseSurface } from '../stream/send-sse.ts';
import type { Ask } from './admit-job.ts';

/** What one endpoint for inference has of its own, whoever asks it: a request over HTTP, or a line of a batch. */
export interface InferenceEndpoint<Body> {
  /** As errors and metrics name it: `/chat/completions`. */
  readonly path: string;
  readonly callType: CallType;
  /** What its models are for. */
  readonly mode: Mode;
  readonly schema: z.ZodType<Body>;
  /**
   * What admission has to know of the request.
   * @throws GatewayError for what the schema cannot see
   */
  ask(
    this: void,
    body: Body,
    asked: { readonly authenticated: Authenticated; readonly config: GatewayConfig },
  ): Omit<Ask, 'callType'>;
  /** Stands in for a request of which nothing but the answer is left. */
  bodyOf(model: string): Body;
  /**
   * As much of the body as its answer needs, and no more: a prompt that is queued need not wait in memory too. Absent:
   * no more than `bodyOf`.
   */
  forAnswer?(body: Body): Body;
  /**
   * The answer in one piece.
   * @throws GatewayError when the answer failed
   */
  collect(
    answered: Answered<Body>,
    answer: AsyncIterable<AnswerBatch>,
    summary: AnswerSummary,
  ): Promise<Record<string, unknown>>;
  /** The answer as a stream, for a body that asks for one; absent: there is none. */
  stream?(answered: Answered<Body>, onStart: (start: AnswerStart) => void): SseSurface;
}

/** What is left to know of a request once its answer is on its way, or is there from an earlier one. */
export interface Answered<Body> {
  /** What `forAnswer` has left of it. */
  readonly body: Body;
  readonly job: Pick<InferenceJob, 'requestId' | 'admittedAt' | 'alias'>;
  /** The model's name in the answer, unless a fallback gives it: what the client called it. */
  readonly shownAs: string;
}

/** What OpenAI's objects say of an answer besides its content. `created` in seconds. */
export function envelopeOf({ job }: Pick<Answered<unknown>, 'job'>) {
  return { id: job.requestId, created: Math.floor(job.admittedAt / 1_000) };
}
