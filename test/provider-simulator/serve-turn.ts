import { chooseBehaviour } from '../oci-simulator/admit.ts';
import type { Applicant } from '../oci-simulator/admit.ts';
import { makeAnswer } from '../oci-simulator/answer.ts';
import type { AnswerBrief } from '../oci-simulator/answer.ts';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import { writeEventStream } from '../oci-simulator/event-stream.ts';
import { sendJson } from '../oci-simulator/exchange.ts';
import type { Frame, Outcome } from '../oci-simulator/formats/chat-format.ts';
import { createPace } from '../oci-simulator/pace.ts';
import type { ProviderDeps, ProviderExchange } from './simulated-provider.ts';

/** A request that is going to be answered, with what its protocol needs to write the answer. */
export interface ProviderTurn {
  readonly applicant: Applicant;
  readonly reasoning: 'none' | 'hidden' | 'shown';
  /** One per generation. */
  readonly briefs: readonly AnswerBrief[];
  /** The id that the client gave to its request, if the provider has a header for it. */
  readonly clientRequestId: string | null;
  whole(outcome: Outcome, behaviour: Behaviour): object;
  frames(outcome: Outcome, behaviour: Behaviour): Frame[];
  /** The event by which the provider tells that it failed in mid-stream. */
  readonly errorEvent: string;
}

/** Answers a turn as its knobs say, and bills it from its acceptance on. */
export async function serveTurn(deps: ProviderDeps, exchange: ProviderExchange, turn: ProviderTurn): Promise<void> {
  const { response } = exchange;
  const { applicant, briefs, clientRequestId } = turn;
  const { steeringText: _steeringText, ...start } = applicant;
  const pace = createPace(response);
  const behaviour = await chooseBehaviour(deps, applicant, pace);
  if (behaviour.drop) return void response.socket?.resetAndDestroy();

  const outcome: Outcome = {
    answers: briefs.map((brief) => makeAnswer(brief, turn, behaviour)),
    promptTokens: applicant.promptTokens,
    cachedTokens: Math.min(behaviour.cachedTokens, applicant.promptTokens),
    at: deps.now(),
  };
  const generated = outcome.answers.reduce((sum, { tokens }) => sum + tokens, 0);
  const call = deps.book.open({
    ...start,
    callId: exchange.callId,
    clientRequestId,
    retryToken: null,
    completionTokens: applicant.streamed ? 0 : generated,
    reasoningTokens: outcome.answers.reduce((sum, { reasoning }) => sum + reasoning.length, 0),
    cachedTokens: outcome.cachedTokens,
  });
  response.once('close', () => {
    call.close({ completed: !applicant.streamed && response.writableFinished && !behaviour.truncatedJson });
  });
  if (response.destroyed) return call.close({ completed: false });
  if (behaviour.delayMs > 0) await pace.wait(behaviour.delayMs);
  if (pace.gone()) return undefined;
  if (!applicant.streamed) return sendJson(response, JSON.stringify(turn.whole(outcome, behaviour)), behaviour);
  return writeEventStream(turn.frames(outcome, behaviour), turn.errorEvent, behaviour, {
    response,
    pace,
    onTokens: (tokens) => call.generated(tokens),
    onLastEvent: () => call.close({ completed: true }),
  });
}
