import { makeAnswer } from './answer.ts';
import { chooseBehaviour, openCall, type AdmitDeps, type Applicant } from './admit.ts';
import type { Behaviour } from './behaviour.ts';
import { isFields, isObject, isText, isWord } from './checks.ts';
import { writeEventStream } from './event-stream.ts';
import { parseBody, sendJson, type Exchange } from './exchange.ts';
import { badFormat, notFound, OciFailure, vendorRefusal } from './failure.ts';
import type { ChatTurn, Outcome } from './formats/chat-format.ts';
import { chatFormats } from './formats/formats.ts';
import type { ChatModel } from './models.ts';
import { createPace } from './pace.ts';
import { isServingMode, mayUse, servingChatModel } from './serving.ts';

export interface ChatDeps extends AdmitDeps {
  readonly now: () => number;
  readonly onChatRequest: (chatRequest: Readonly<Record<string, unknown>>) => void;
}

/** `POST /20231130/actions/chat` */
export async function chat(deps: ChatDeps, exchange: Exchange): Promise<void> {
  const { response } = exchange;
  const { model, format, turn, chatRequest } = readCall(exchange);
  deps.onChatRequest(chatRequest);
  const pace = createPace(response);
  const { streamed, steeringText, promptTokens } = turn;
  const applicant: Applicant = { model: model.name, format, streamed, steeringText, promptTokens };
  const behaviour = await chooseBehaviour(deps, applicant, pace);
  if (behaviour.drop) return void response.socket?.resetAndDestroy();

  const outcome = answerTurn(turn, model, behaviour, deps.now());
  const allTokens = sumOf(outcome.answers.map(({ tokens }) => tokens));
  const call = openCall(deps, exchange, applicant, {
    completionTokens: streamed ? 0 : allTokens,
    reasoningTokens: sumOf(outcome.answers.map(({ reasoning }) => reasoning.length)),
    cachedTokens: outcome.cachedTokens,
  });
  response.once('close', () => {
    call.close({ completed: !streamed && response.writableFinished && !behaviour.truncatedJson });
  });
  if (response.destroyed) return call.close({ completed: false });
  if (behaviour.delayMs > 0) await pace.wait(behaviour.delayMs);
  if (pace.gone()) return undefined;

  if (model.retiring) announceRetirement(exchange, model);
  if (streamed) {
    return writeEventStream(turn.frames(outcome, behaviour), turn.errorEvent, behaviour, {
      response,
      pace,
      onTokens: (tokens) => call.generated(tokens),
      onLastEvent: () => call.close({ completed: true }),
    });
  }
  const result = { modelId: model.name, modelVersion: '1.0', chatResponse: turn.whole(outcome, behaviour) };
  return sendJson(response, JSON.stringify(result), behaviour);
}

const isChatDetails = isFields({ compartmentId: isText, servingMode: isServingMode, chatRequest: isObject }, {});
const isApiFormat = isWord('GENERIC', 'COHERE', 'COHEREV2');

/** @throws OciFailure 400 or 404 */
function readCall({ body, identity }: Exchange) {
  const details = parseBody(body, isChatDetails);
  const format = details.chatRequest['apiFormat'];
  if (!isApiFormat(format)) throw badFormat();
  if (!mayUse(identity, details.compartmentId)) throw notFound();
  const model = servingChatModel(details.servingMode);
  if (!model.formats.includes(format)) throw new OciFailure(400, 'Chat request type does not match serving model');

  const turn = chatFormats[format].readTurn(details.chatRequest, model);
  if (turn.promptTokens > model.contextTokens) throw promptTooLong(turn.promptTokens, model);
  return { model, format, turn, chatRequest: details.chatRequest };
}

function promptTooLong(promptTokens: number, model: ChatModel): OciFailure {
  const message = `This model's maximum context length is ${model.contextTokens} tokens. However, your messages resulted in ${promptTokens} tokens.`;
  return vendorRefusal('context_length_exceeded', 'messages', message);
}

function answerTurn(turn: ChatTurn, model: ChatModel, behaviour: Behaviour, at: number): Outcome {
  const tellsCached = model.rules.usage !== 'plain';
  return {
    answers: turn.briefs.map((brief) => makeAnswer(brief, model, behaviour)),
    promptTokens: turn.promptTokens,
    cachedTokens: tellsCached ? Math.min(behaviour.cachedTokens, turn.promptTokens) : 0,
    at,
  };
}

/** Two names are documented for one header (§1.2); both are sent. */
function announceRetirement({ response }: Exchange, model: ChatModel): void {
  for (const name of ['model-deprecation-info', 'model-retirement-info']) {
    response.setHeader(name, `${model.name} will be retired from on-demand serving`);
  }
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
