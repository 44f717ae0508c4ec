import type { Answer } from '../answer.ts';
import type { Behaviour } from '../behaviour.ts';
import { groupsOf, paddedFrame, type Frame, type Outcome } from './chat-format.ts';
import {
  annotationsOf,
  finishReasonOf,
  groundingMetadata,
  toolCallHead,
  type GenericOptions,
} from './generic-response.ts';
import { genericLogProbs } from './log-probs.ts';
import { usageOf } from './usage.ts';

/** A streamed GENERIC answer, event by event as its vendor would send it (§4.2). */
export function genericFrames(outcome: Outcome, behaviour: Behaviour, options: GenericOptions): Frame[] {
  const { rules } = options;
  const tier = tierOf(options);
  const frames = outcome.answers.flatMap((answer, index) => choiceFrames(answer, index, behaviour, options));
  if (options.tellsUsage) {
    const usage = `"usage":${JSON.stringify(usageOf(outcome, rules.usage))}`;
    frames.push(paddedFrame(tier === '' ? usage : `${tier.slice(1)},${usage}`, 0, 5 * frames.length));
  }
  const isDone = behaviour.done === 'all' || (behaviour.done === 'meta' && rules.vendor === 'meta');
  if (isDone) frames.push({ payload: '[DONE]', tokens: 0 });
  return frames;
}

/** Several choices come one after the other, each with its index, also on its finish event. */
function choiceFrames(answer: Answer, index: number, behaviour: Behaviour, options: GenericOptions): Frame[] {
  const frames: Frame[] = [];
  const tier = tierOf(options);
  const { rules } = options;
  let unsentTokens = 0;
  const send = (fields: string, tokens: number): void => {
    frames.push(paddedFrame(`${fields}${tier}`, tokens + unsentTokens, answer.tokens + 5 * frames.length));
    unsentTokens = 0;
  };
  const at = behaviour.omitIndex ? '' : `"index":${index},`;
  const start = `${at}"message":{"role":"ASSISTANT"`;

  if (options.showsReasoning) {
    for (const pieces of groupsOf(answer.reasoning, behaviour.tokensPerEvent)) {
      send(`${start},"reasoningContent":${JSON.stringify(pieces.join(''))}}`, pieces.length);
    }
  } else {
    unsentTokens = answer.reasoning.length;
  }

  const finish = `"finishReason":"${finishReasonOf(answer, rules, behaviour)}"`;
  const groups = groupsOf(answer.text, behaviour.tokensPerEvent);
  const withLastText = rules.finish === 'on-last-text' && answer.toolCalls.length === 0 && groups.length > 0;
  if (rules.opensEmpty && groups.length > 0) send(`${start},"content":[{"type":"TEXT","text":""}]}`, 0);
  let offset = 0;
  for (const [nth, pieces] of groups.entries()) {
    const ending = withLastText && nth === groups.length - 1 ? `,${finish}` : '';
    const said = behaviour.refuse
      ? `"refusal":${JSON.stringify(pieces.join(''))}}`
      : `"content":${partsOf(pieces, rules.vendor === 'google')}}${logProbsOf(pieces, offset, options)}`;
    send(`${start},${said}${ending}`, pieces.length);
    offset += pieces.join('').length;
  }
  if (behaviour.citations) {
    const annotations = JSON.stringify(annotationsOf(answer.text));
    send(`${start},"annotations":${annotations}},"groundingMetadata":${JSON.stringify(groundingMetadata)}`, 0);
  }
  if (withLastText) return frames;

  const finished = sendTools(answer, behaviour, options, (fields, tokens) => send(`${start},${fields}`, tokens));
  if (finished) return frames;
  const choice = index > 0 ? at : '';
  const emptyText = '"message":{"role":"ASSISTANT","content":[{"type":"TEXT","text":""}]},';
  send(`${choice}${rules.finish === 'with-empty-text' ? emptyText : ''}${finish}`, 0);
  return frames;
}

/** @returns whether the finish reason went with the last call */
function sendTools(
  answer: Answer,
  behaviour: Behaviour,
  { rules }: GenericOptions,
  send: (fields: string, tokens: number) => void,
): boolean {
  const sendCall = (call: object, tokens: number, behind = ''): void => {
    send(`"toolCalls":[${JSON.stringify(call)}]}${behind}`, tokens);
  };
  for (const call of answer.toolCalls) {
    const head = toolCallHead(call, rules.tools);
    const nameTokens = call.tokens - call.arguments.length;
    if (rules.tools === 'whole' || rules.tools === 'whole-without-id') {
      sendCall({ ...head, arguments: call.arguments.join('') }, call.tokens);
      continue;
    }
    sendCall(rules.tools === 'fragments' ? head : { ...head, arguments: '' }, nameTokens);
    for (const pieces of groupsOf(call.arguments, behaviour.tokensPerEvent)) {
      sendCall({ type: 'FUNCTION', arguments: pieces.join('') }, pieces.length);
    }
  }
  if (rules.tools !== 'fragments' || answer.toolCalls.length === 0) return false;
  sendCall({ type: 'FUNCTION', arguments: '' }, 0, `,"finishReason":"${finishReasonOf(answer, rules, behaviour)}"`);
  return true;
}

/** Gemini may put several parts into one event. */
function partsOf(pieces: readonly string[], split: boolean): string {
  const texts = split ? pieces : [pieces.join('')];
  return `[${texts.map((text) => `{"type":"TEXT","text":${JSON.stringify(text)}}`).join(',')}]`;
}

function logProbsOf(pieces: readonly string[], offset: number, { logProbs }: GenericOptions): string {
  return logProbs > 0 ? `,"logprobs":${JSON.stringify(genericLogProbs(pieces, logProbs, offset))}` : '';
}

function tierOf({ rules }: GenericOptions): string {
  return rules.serviceTier === null ? '' : `,"serviceTier":"${rules.serviceTier}"`;
}
