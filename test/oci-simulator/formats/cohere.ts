import type { Answer, AnswerBrief, Task, WantedTool } from '../answer.ts';
import type { Behaviour } from '../behaviour.ts';
import { badFormat, OciFailure } from '../failure.ts';
import type { ChatModel } from '../models.ts';
import { sampleOf } from '../schema-sample.ts';
import { countTokens, hashText, messageOverheadTokens } from '../tokens.ts';
import { proseOf } from '../vocabulary.ts';
import { groupsOf, onlyAnswer, paddedFrame, type ChatFormat, type Frame, type Outcome } from './chat-format.ts';
import { isCohereRequest, type CohereRequest } from './cohere-request.ts';
import { planFor, wantsParallel, wantsTools } from './tool-wish.ts';
import { usageOf } from './usage.ts';

/** COHERE: command-r, command-r-plus and command-a for text. */
export const cohereFormat: ChatFormat = {
  readTurn: (chatRequest, model) => {
    if (!isCohereRequest(chatRequest)) throw badFormat();
    refuseTurn(chatRequest);
    const lastUser = (chatRequest.chatHistory ?? []).findLast(({ role }) => role === 'USER');
    return {
      streamed: chatRequest.isStream === true,
      steeringText: chatRequest.message || (lastUser?.role === 'USER' ? lastUser.message : ''),
      promptTokens: promptTokensOf(chatRequest),
      briefs: [briefOf(chatRequest, model)],
      whole: (outcome, behaviour) => cohereResponse(chatRequest, outcome, behaviour),
      frames: (outcome, behaviour) => cohereFrames(chatRequest, outcome, behaviour),
      errorEvent: JSON.stringify({
        apiFormat: 'COHERE',
        finishReason: 'ERROR',
        errorMessage: 'The model stopped unexpectedly.',
      }),
    };
  },
};

/** The rules of §3.5 for tool rounds. */
function refuseTurn({ message, toolResults, isForceSingleStep }: CohereRequest): void {
  const hasResults = (toolResults ?? []).length > 0;
  if (hasResults && message !== '' && isForceSingleStep !== true) {
    throw new OciFailure(400, 'cannot specify message if the last entry in chat history contains tool results');
  }
  if (!hasResults && message === '')
    throw new OciFailure(400, 'message must be at least 1 token long or tool results must be specified');
}

function briefOf(request: CohereRequest, model: ChatModel): AnswerBrief {
  const { message, chatHistory = [], toolResults = [], preambleOverride } = request;
  const seed = hashText(JSON.stringify([preambleOverride, chatHistory, message, toolResults]));
  return {
    seed,
    task: taskOf(request, seed),
    maxTokens: request.maxTokens ?? model.rules.defaultMaxTokens,
    stop: request.stopSequences ?? [],
  };
}

function taskOf(request: CohereRequest, seed: number): Task {
  const { message, tools, toolResults, responseFormat } = request;
  if (toolResults && toolResults.length > 0) {
    const outputs = toolResults.map((result) => JSON.stringify(result.outputs));
    return { type: 'say', text: `The tool answered: ${outputs.join('; ')}` };
  }
  const [first, second = first] = tools ?? [];
  if (first && second && wantsTools(message)) {
    const called = wantsParallel(message) ? [first, second] : [first];
    return { type: 'call-tools', plan: planFor(first.name), tools: called.map(wantedTool) };
  }
  if (responseFormat?.type === 'JSON_OBJECT') {
    const value = responseFormat.schema ? sampleOf(responseFormat.schema) : { answer: proseOf(seed, 12).join('') };
    return { type: 'say', text: JSON.stringify(value) };
  }
  return { type: 'prose' };
}

type CohereTool = NonNullable<CohereRequest['tools']>[number];

function wantedTool({ name, parameterDefinitions }: CohereTool): WantedTool {
  const parameters = Object.entries(parameterDefinitions ?? {});
  const required = parameters.filter(([, { isRequired }]) => isRequired === true).map(([parameter]) => parameter);
  const properties = Object.fromEntries(
    parameters.map(([parameter, { type }]) => [parameter, { type: jsonTypeOf[type.toLowerCase()] ?? 'string' }]),
  );
  return { name, schema: { type: 'object', properties, required } };
}

const jsonTypeOf: Readonly<Record<string, string>> = {
  str: 'string',
  int: 'integer',
  float: 'number',
  bool: 'boolean',
  list: 'array',
  dict: 'object',
};

function promptTokensOf(request: CohereRequest): number {
  const { message, chatHistory, preambleOverride, documents, tools, toolResults } = request;
  const extras = [documents, tools, toolResults].filter((list) => list && list.length > 0);
  let tokens = messageOverheadTokens + countTokens(message);
  if (preambleOverride) tokens += messageOverheadTokens + countTokens(preambleOverride);
  for (const extra of extras) tokens += countTokens(JSON.stringify(extra));
  for (const turn of chatHistory ?? []) {
    tokens += messageOverheadTokens;
    if (turn.role === 'TOOL') tokens += countTokens(JSON.stringify(turn.toolResults));
    else tokens += countTokens(turn.message ?? '');
    if (turn.role === 'CHATBOT' && turn.toolCalls) tokens += countTokens(JSON.stringify(turn.toolCalls));
  }
  return tokens;
}

/** A whole COHERE answer (§3.6). Tool calls come with COMPLETE, and without ids. */
function cohereResponse(request: CohereRequest, outcome: Outcome, behaviour: Behaviour): object {
  const answer = onlyAnswer(outcome);
  return {
    apiFormat: 'COHERE',
    text: answer.text.join(''),
    chatHistory: historyOf(request, answer),
    finishReason: finishReasonOf(answer, behaviour),
    ...toolCallsOf(answer),
    ...citationsOf(request, answer),
    ...(request.isEcho === true && { prompt: request.message }),
    usage: usageOf(outcome, 'plain'),
  };
}

/** A streamed COHERE answer (§4.3): its terminal event repeats everything, and carries the usage. */
function cohereFrames(request: CohereRequest, outcome: Outcome, behaviour: Behaviour): Frame[] {
  const answer = onlyAnswer(outcome);
  const frames: Frame[] = [];
  const send = (fields: string, tokens: number): void => {
    frames.push(paddedFrame(`"apiFormat":"COHERE",${fields}`, tokens, answer.tokens + 5 * frames.length));
  };
  for (const pieces of groupsOf(answer.text, behaviour.tokensPerEvent)) {
    send(`"text":${JSON.stringify(pieces.join(''))}`, pieces.length);
  }

  const text = answer.text.join('');
  const toolCalls = toolCallsOf(answer);
  const spoken = answer.text.length;
  if (toolCalls.toolCalls) send(innerJson({ text, ...toolCalls }), answer.tokens - spoken);

  const undelivered = toolCalls.toolCalls ? 0 : answer.tokens - spoken;
  const terminal = {
    text: behaviour.cohereTerminalText === 'repeated' ? text : '',
    chatHistory: historyOf(request, answer),
    finishReason: finishReasonOf(answer, behaviour),
    ...toolCalls,
    ...citationsOf(request, answer),
    ...(request.streamOptions?.isIncludeUsage === true && { usage: usageOf(outcome, 'plain') }),
  };
  send(innerJson(terminal), undelivered);
  if (behaviour.done === 'all') frames.push({ payload: '[DONE]', tokens: 0 });
  return frames;
}

/** Of the first word, when there are documents to rest it on. */
function citationsOf({ documents }: CohereRequest, { text }: Answer): { citations?: object[] } {
  const [word = ''] = text;
  if ((documents ?? []).length === 0 || word === '') return {};
  return { citations: [{ start: 0, end: word.length, text: word, documentIds: ['doc_0'] }] };
}

function finishReasonOf(answer: Answer, { finishWord }: Behaviour): string {
  if (finishWord !== null) return finishWord;
  return answer.cut ? 'MAX_TOKENS' : 'COMPLETE';
}

/** None when the limit cut them: their parameters would be half an object. */
function toolCallsOf({ toolCalls, cut }: Answer): { toolCalls?: object[] } {
  if (toolCalls.length === 0 || cut) return {};
  const written = toolCalls.map((call): object => {
    const parameters: unknown = JSON.parse(call.arguments.join(''));
    return { name: call.name, parameters };
  });
  return { toolCalls: written };
}

function historyOf({ chatHistory, message }: CohereRequest, answer: Answer): object[] {
  const asked = message === '' ? [] : [{ role: 'USER', message }];
  return [...(chatHistory ?? []), ...asked, { role: 'CHATBOT', message: answer.text.join(''), ...toolCallsOf(answer) }];
}

function innerJson(value: object): string {
  return JSON.stringify(value).slice(1, -1);
}
