import type { AnswerBrief, Task } from '../answer.ts';
import { badFormat, OciFailure, vendorRefusal } from '../failure.ts';
import type { ChatModel } from '../models.ts';
import { sampleOf } from '../schema-sample.ts';
import { attachmentTokens, countTokens, hashText, messageOverheadTokens } from '../tokens.ts';
import { proseOf } from '../vocabulary.ts';
import type { ChatFormat } from './chat-format.ts';
import { isCohereV2Request, type CohereV2Message, type CohereV2Request } from './cohere-v2-request.ts';
import { cohereV2Frames, cohereV2Response } from './cohere-v2-response.ts';
import { planFor, wantsParallel, wantsTools } from './tool-wish.ts';

/** COHEREV2: command-a-vision and command-a-reasoning, which need it, and command-a, which takes it too. */
export const cohereV2Format: ChatFormat = {
  readTurn: (chatRequest, model) => {
    if (!isCohereV2Request(chatRequest)) throw badFormat();
    refuseUnsupported(chatRequest, model);
    const steeringText = textOf(chatRequest.messages.findLast(({ role }) => role === 'USER'));
    return {
      streamed: chatRequest.isStream === true,
      steeringText,
      promptTokens: promptTokensOf(chatRequest),
      briefs: [briefOf(chatRequest, steeringText, model)],
      whole: (outcome, behaviour) => cohereV2Response(chatRequest, outcome, behaviour),
      frames: (outcome, behaviour) => cohereV2Frames(chatRequest, outcome, behaviour),
      errorEvent: JSON.stringify({
        apiFormat: 'COHEREV2',
        finishReason: 'ERROR',
        errorMessage: 'The model stopped unexpectedly.',
      }),
    };
  },
};

function refuseUnsupported(
  { messages, thinking, maxTokens, toolsChoice, tools }: CohereV2Request,
  model: ChatModel,
): void {
  const parts = messages.flatMap(({ content }) => content ?? []);
  if (model.attachments === 'none' && parts.some(({ type }) => type === 'IMAGE_URL')) {
    throw vendorRefusal(
      'invalid_request',
      'messages',
      `Model ${model.name} does not support content of type IMAGE_URL`,
    );
  }
  const thinks = thinking !== undefined && thinking !== null;
  if (model.reasoning === 'none' && (thinks || parts.some(({ type }) => type === 'THINKING'))) {
    throw vendorRefusal('unsupported_parameter', 'thinking', `Model ${model.name} does not think`);
  }
  if ((maxTokens ?? 0) > model.maxOutputTokens) {
    throw new OciFailure(400, `maxTokens must be at most ${model.maxOutputTokens} for model ${model.name}`);
  }
  if (toolsChoice === 'REQUIRED' && (tools ?? []).length === 0) {
    throw vendorRefusal('invalid_request', 'tool_choice', 'tool_choice REQUIRED needs tools');
  }
  refuseStrangeResults(messages);
}

/** Each result must be of a call that was made before it. */
function refuseStrangeResults(messages: readonly CohereV2Message[]): void {
  const called = new Set<string>();
  for (const message of messages) {
    if (message.role === 'ASSISTANT') for (const { id } of message.toolCalls ?? []) called.add(id);
    if (message.role === 'TOOL' && !called.has(message.toolCallId)) {
      throw vendorRefusal(
        'invalid_request',
        'messages',
        `tool call id ${message.toolCallId} not found in previous tool calls`,
      );
    }
  }
}

function briefOf(request: CohereV2Request, lastUserText: string, model: ChatModel): AnswerBrief {
  const seed = hashText(JSON.stringify(request.messages));
  const { thinking } = request;
  const thinkingMax = thinking?.type === 'DISABLED' ? 0 : thinking?.tokenBudget;
  return {
    seed,
    task: taskOf(request, lastUserText, seed),
    maxTokens: request.maxTokens ?? model.rules.defaultMaxTokens,
    stop: request.stopSequences ?? [],
    ...(typeof thinkingMax === 'number' && { thinkingMax }),
  };
}

function taskOf(request: CohereV2Request, lastUserText: string, seed: number): Task {
  const { messages, tools, toolsChoice, responseFormat } = request;
  const results = messages.slice(messages.findLastIndex(({ role }) => role !== 'TOOL') + 1);
  if (results.length > 0) return { type: 'say', text: `The tool answered: ${results.map(textOf).join('; ')}` };

  const [first, second = first] = tools ?? [];
  const mayCall = toolsChoice !== 'NONE' && messages.at(-1)?.role === 'USER';
  if (first && second && mayCall && (toolsChoice === 'REQUIRED' || wantsTools(lastUserText))) {
    const called = wantsParallel(lastUserText) ? [first, second] : [first];
    const wanted = called.map((tool) => ({ name: tool.function.name, schema: tool.function.parameters }));
    return { type: 'call-tools', plan: planFor(first.function.name), tools: wanted };
  }
  if (responseFormat?.type === 'JSON_OBJECT') {
    const value = responseFormat.schema ? sampleOf(responseFormat.schema) : { answer: proseOf(seed, 12).join('') };
    return { type: 'say', text: JSON.stringify(value) };
  }
  return { type: 'prose' };
}

function promptTokensOf({ messages, tools, documents }: CohereV2Request): number {
  const extras = [tools, documents].filter((list) => list && list.length > 0);
  const offered = extras.reduce((sum, list) => sum + countTokens(JSON.stringify(list)), 0);
  return messages.reduce((sum, message) => sum + messageTokens(message), offered);
}

function messageTokens(message: CohereV2Message): number {
  let tokens = messageOverheadTokens;
  for (const part of message.content ?? []) {
    if (part.type === 'TEXT') tokens += countTokens(part.text);
    else if (part.type === 'THINKING') tokens += countTokens(part.thinking);
    else tokens += Math.min(attachmentTokens, JSON.stringify(part).length);
  }
  if (message.role !== 'ASSISTANT') return tokens;
  for (const call of message.toolCalls ?? []) {
    tokens += countTokens(call.function.name) + countTokens(call.function.arguments);
  }
  return tokens + countTokens(message.toolPlan ?? '');
}

function textOf(message: CohereV2Message | undefined): string {
  const content = message?.content ?? [];
  return content.map((part) => (part.type === 'TEXT' ? part.text : '')).join('');
}
