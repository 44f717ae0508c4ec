import type { Answer } from '../oci-simulator/answer.ts';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import { groupsOf } from '../oci-simulator/formats/chat-format.ts';
import { logProbOf } from '../oci-simulator/formats/log-probs.ts';
import type { Frame, Outcome } from '../oci-simulator/formats/chat-format.ts';
import type { OpenAiModel } from './openai-models.ts';

/** What an answer needs to know besides itself. */
export interface AnswerOptions {
  readonly id: string;
  readonly model: OpenAiModel;
  /** Whether a stream tells its usage. */
  readonly tellsUsage: boolean;
  /** How many likeliest tokens are told for each; null: no probabilities. */
  readonly topLogProbs: number | null;
}

/** A whole `chat.completion`. */
export function completionOf(outcome: Outcome, behaviour: Behaviour, options: AnswerOptions): object {
  const { id, model } = options;
  return {
    id,
    object: 'chat.completion',
    created: Math.floor(outcome.at / 1000),
    model: model.name,
    choices: outcome.answers.map((answer, index) => ({
      index,
      message: {
        role: 'assistant',
        content: behaviour.refuse || isSilent(answer) ? null : answer.text.join(''),
        refusal: behaviour.refuse ? answer.text.join('') : null,
        annotations: behaviour.citations ? annotationsOf(answer.text) : [],
        ...reasoningOf(answer.reasoning, model),
        ...(answer.toolCalls.length > 0 && { tool_calls: answer.toolCalls.map((call) => wholeCall(call)) }),
      },
      logprobs: logProbsOf(answer.text, behaviour, options),
      finish_reason: finishReasonOf(answer, behaviour),
    })),
    usage: usageOf(outcome),
    service_tier: 'default',
    system_fingerprint: null,
  };
}

/** The same as `chat.completion.chunk`s. Several choices come by turns, as OpenAI sends them. */
export function chatFrames(outcome: Outcome, behaviour: Behaviour, options: AnswerOptions): Frame[] {
  const common = {
    id: options.id,
    object: 'chat.completion.chunk',
    created: Math.floor(outcome.at / 1000),
    model: options.model.name,
    system_fingerprint: null,
  };
  const chunk = (choices: readonly object[], usage: object | null): string =>
    JSON.stringify({ ...common, choices, ...(options.tellsUsage && { usage }) });

  const byChoice = outcome.answers.map((answer) => deltasOf(answer, behaviour, options));
  const frames: Frame[] = [];
  for (let nth = 0; byChoice.some((deltas) => nth < deltas.length); nth += 1) {
    for (const [index, deltas] of byChoice.entries()) {
      const piece = deltas[nth];
      if (!piece) continue;
      const { delta, logprobs = null, finish = null } = piece;
      const choice = { index, delta, logprobs, finish_reason: finish };
      frames.push({ payload: chunk([choice], null), tokens: piece.tokens });
    }
  }
  if (options.tellsUsage) frames.push({ payload: chunk([], usageOf(outcome)), tokens: 0 });
  if (behaviour.done !== 'none') frames.push({ payload: '[DONE]', tokens: 0 });
  return frames;
}

interface Piece {
  readonly delta: object;
  readonly tokens: number;
  readonly finish?: string;
  readonly logprobs?: object | null;
}

function deltasOf(answer: Answer, behaviour: Behaviour, options: AnswerOptions): Piece[] {
  const { tokensPerEvent, refuse, citations } = behaviour;
  const { model } = options;
  const hidden = model.reasoning === 'shown' ? 0 : answer.reasoning.length;
  const pieces: Piece[] = [{ delta: { role: 'assistant', content: '', refusal: null }, tokens: hidden }];
  if (model.reasoning === 'shown') {
    for (const group of groupsOf(answer.reasoning, tokensPerEvent)) {
      pieces.push({ delta: { [model.reasoningField]: group.join('') }, tokens: group.length });
    }
  }
  for (const group of groupsOf(answer.text, tokensPerEvent)) {
    const delta = { [refuse ? 'refusal' : 'content']: group.join('') };
    pieces.push({ delta, tokens: group.length, logprobs: logProbsOf(group, behaviour, options) });
  }
  if (citations) pieces.push({ delta: { annotations: annotationsOf(answer.text) }, tokens: 0 });
  for (const [index, call] of answer.toolCalls.entries()) {
    const head = { index, id: `call_${call.idHex}`, type: 'function', function: { name: call.name, arguments: '' } };
    pieces.push({ delta: { tool_calls: [head] }, tokens: call.tokens - call.arguments.length });
    for (const group of groupsOf(call.arguments, tokensPerEvent)) {
      const piece = { index, function: { arguments: group.join('') } };
      pieces.push({ delta: { tool_calls: [piece] }, tokens: group.length });
    }
  }
  return [...pieces, { delta: {}, tokens: 0, finish: finishReasonOf(answer, behaviour) }];
}

function isSilent({ text, toolCalls }: Answer): boolean {
  return text.length === 0 && toolCalls.length > 0;
}

function logProbsOf(pieces: readonly string[], { refuse }: Behaviour, { topLogProbs }: AnswerOptions): object | null {
  if (topLogProbs === null || refuse) return null;
  const entry = (token: string, logprob: number) => ({ token, logprob, bytes: [...Buffer.from(token)] });
  const content = pieces.map((piece) => ({
    ...entry(piece, logProbOf(piece)),
    top_logprobs: Array.from({ length: topLogProbs }, (_, nth) =>
      nth === 0 ? entry(piece, logProbOf(piece)) : entry(`other${nth}`, -2 - nth),
    ),
  }));
  return { content, refusal: null };
}

/** The first word, as what a page says. */
function annotationsOf([word = '']: readonly string[]): object[] {
  const citation = { start_index: 0, end_index: word.length, title: 'Sluices', url: 'https://example.com/sluice' };
  return [{ type: 'url_citation', url_citation: citation }];
}

function wholeCall(call: Answer['toolCalls'][number]): object {
  const asked = { name: call.name, arguments: call.arguments.join('') };
  return { id: `call_${call.idHex}`, type: 'function', function: asked };
}

function reasoningOf(reasoning: readonly string[], model: OpenAiModel): object {
  if (model.reasoning !== 'shown' || reasoning.length === 0) return {};
  return { [model.reasoningField]: reasoning.join('') };
}

function finishReasonOf(answer: Answer, { finishWord }: Behaviour): string {
  if (finishWord !== null) return finishWord;
  if (answer.cut) return 'length';
  return answer.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

/** Over all choices, reasoning within the completion. */
function usageOf({ answers, promptTokens, cachedTokens }: Outcome): object {
  const completion = answers.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completion,
    total_tokens: promptTokens + completion,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: answers.reduce((sum, { reasoning }) => sum + reasoning.length, 0),
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
