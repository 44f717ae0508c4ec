import type { Answer, AnsweredToolCall } from '../answer.ts';
import type { Behaviour } from '../behaviour.ts';
import { hashText } from '../tokens.ts';
import { groupsOf, onlyAnswer, paddedFrame, type Frame, type Outcome } from './chat-format.ts';
import type { CohereV2Request } from './cohere-v2-request.ts';
import { logProbOf } from './log-probs.ts';
import { usageOf } from './usage.ts';

/** A whole COHEREV2 answer (§3.7). The text beside tool calls is their plan. */
export function cohereV2Response(request: CohereV2Request, outcome: Outcome, behaviour: Behaviour): object {
  const answer = onlyAnswer(outcome);
  const { reasoning, text, toolCalls } = answer;
  const said = text.join('');
  const isPlan = toolCalls.length > 0;
  const content = [
    ...(reasoning.length > 0 ? [{ type: 'THINKING', thinking: reasoning.join('') }] : []),
    ...(isPlan || said === '' ? [] : [{ type: 'TEXT', text: said }]),
  ];
  const citations = citationsOf(request, answer, behaviour);
  return {
    apiFormat: 'COHEREV2',
    id: `v2-${hashText(said)}`,
    message: {
      role: 'ASSISTANT',
      ...(content.length > 0 && { content }),
      ...(isPlan && { toolPlan: said, toolCalls: toolCalls.map((call) => headOf(call, argumentsOf(call))) }),
      ...(citations.length > 0 && { citations }),
    },
    finishReason: finishReasonOf(answer, behaviour),
    ...(request.isLogProbsEnabled === true && !isPlan && { logProbabilities: logProbabilitiesOf(text) }),
    usage: usageOf(outcome, 'plain'),
  };
}

/** A streamed COHEREV2 answer (§4.4): pieces of its message, the usage on the finish. */
export function cohereV2Frames(request: CohereV2Request, outcome: Outcome, behaviour: Behaviour): Frame[] {
  const answer = onlyAnswer(outcome);
  const frames: Frame[] = [];
  const send = (message: object, tokens: number, further: object = {}): void => {
    const fields = { apiFormat: 'COHEREV2', message: { role: 'ASSISTANT', ...message }, ...further };
    frames.push(paddedFrame(JSON.stringify(fields).slice(1, -1), tokens, answer.tokens + 5 * frames.length));
  };

  for (const pieces of groupsOf(answer.reasoning, behaviour.tokensPerEvent)) {
    send({ content: [{ type: 'THINKING', thinking: pieces.join('') }] }, pieces.length);
  }
  const isPlan = answer.toolCalls.length > 0;
  for (const pieces of groupsOf(answer.text, behaviour.tokensPerEvent)) {
    const said = pieces.join('');
    const withLogProbs = request.isLogProbsEnabled === true && !isPlan;
    send(
      isPlan ? { toolPlan: said } : { content: [{ type: 'TEXT', text: said }] },
      pieces.length,
      withLogProbs ? { logProbabilities: logProbabilitiesOf(pieces) } : {},
    );
  }
  for (const call of answer.toolCalls) sendCall(call, behaviour, send);
  const citations = citationsOf(request, answer, behaviour);
  if (citations.length > 0) send({ citations }, 0);
  send({}, 0, {
    finishReason: finishReasonOf(answer, behaviour),
    ...(request.streamOptions?.isIncludeUsage === true && { usage: usageOf(outcome, 'plain') }),
  });
  if (behaviour.done === 'all') frames.push({ payload: '[DONE]', tokens: 0 });
  return frames;
}

function sendCall(
  call: AnsweredToolCall,
  { toolFragments, tokensPerEvent }: Behaviour,
  send: (message: object, tokens: number) => void,
): void {
  if (!toolFragments) return send({ toolCalls: [headOf(call, argumentsOf(call))] }, call.tokens);
  send({ toolCalls: [headOf(call, '')] }, call.tokens - call.arguments.length);
  for (const pieces of groupsOf(call.arguments, tokensPerEvent)) {
    send({ toolCalls: [{ function: { arguments: pieces.join('') } }] }, pieces.length);
  }
}

function headOf({ name, idHex }: AnsweredToolCall, json: string): object {
  return { id: `${name}_${idHex}`, type: 'FUNCTION', function: { name, arguments: json } };
}

function argumentsOf(call: AnsweredToolCall): string {
  return call.arguments.join('');
}

function finishReasonOf(answer: Answer, { finishWord }: Behaviour): string {
  if (finishWord !== null) return finishWord;
  if (answer.cut) return 'MAX_TOKENS';
  return answer.toolCalls.length > 0 ? 'TOOL_CALL' : 'COMPLETE';
}

/** Of the first word, when there is something to rest it on: documents, or the results of tools. */
function citationsOf(
  { messages, documents }: CohereV2Request,
  { text, toolCalls }: Answer,
  { citations }: Behaviour,
): object[] {
  const [word = ''] = text;
  if (toolCalls.length > 0 || word === '') return [];
  const result = messages.findLast(({ role }) => role === 'TOOL');
  const [document] = documents ?? [];
  const source =
    result?.role === 'TOOL'
      ? { type: 'TOOL', tool: { id: `${result.toolCallId}:0`, toolOutput: {} } }
      : { type: 'DOCUMENT', document: { id: 'doc:0', document: document ?? {} } };
  if (result === undefined && document === undefined && !citations) return [];
  return [{ start: 0, end: word.length, text: word, contentIndex: 0, type: 'TEXT_CONTENT', sources: [source] }];
}

function logProbabilitiesOf(pieces: readonly string[]): object[] {
  return pieces.map((text) => ({ tokenIds: [hashText(text) % 50_000], text, logProbabilities: [logProbOf(text)] }));
}
