import type { AnswerBrief, Task } from '../answer.ts';
import { badFormat, OciFailure } from '../failure.ts';
import type { ChatModel } from '../models.ts';
import { sampleOf } from '../schema-sample.ts';
import { attachmentTokens, countTokens, hashText, messageOverheadTokens, nextHash } from '../tokens.ts';
import { proseOf } from '../vocabulary.ts';
import type { ChatFormat } from './chat-format.ts';
import { genericFrames } from './generic-frames.ts';
import { refuseUnsupported } from './generic-refusals.ts';
import { isGenericRequest, type GenericMessage, type GenericPart, type GenericRequest } from './generic-request.ts';
import { genericResponse } from './generic-response.ts';
import { planFor, wantsParallel, wantsPlan, wantsTools } from './tool-wish.ts';

/** GENERIC: Llama, Grok, Gemini, OpenAI, gpt-oss. */
export const genericFormat: ChatFormat = {
  readTurn: (chatRequest, model) => {
    if (!isGenericRequest(chatRequest)) throw badFormat();
    refuseUnsupported(chatRequest, model);
    const steeringText = textOf(chatRequest.messages.findLast(({ role }) => role === 'USER'));
    const options = {
      rules: model.rules,
      showsReasoning: model.reasoning === 'shown',
      logProbs: chatRequest.logProbs ?? 0,
      tellsUsage: model.rules.tellsUsageUnasked || chatRequest.streamOptions?.isIncludeUsage === true,
    };
    return {
      streamed: chatRequest.isStream === true,
      steeringText,
      promptTokens: promptTokensOf(chatRequest),
      briefs: briefsOf(chatRequest, steeringText, model),
      whole: (outcome, behaviour) => genericResponse(outcome, options, behaviour),
      frames: (outcome, behaviour) => genericFrames(outcome, behaviour, options),
      errorEvent: JSON.stringify({ code: '500', message: 'The model stopped unexpectedly.' }),
    };
  },
};

function briefsOf(request: GenericRequest, lastUserText: string, model: ChatModel): AnswerBrief[] {
  const seed = request.messages.reduce((hash, message) => hashText(textOf(message), hash), hashText(''));
  const limits = [request.maxTokens, request.maxCompletionTokens].filter((limit) => typeof limit === 'number');
  const brief = {
    seed,
    task: taskOf(request, lastUserText, seed),
    maxTokens: limits.length === 0 ? model.rules.defaultMaxTokens : Math.min(...limits),
    stop: request.stop ?? [],
    ...(request.reasoningEffort === 'NONE' && { thinkingMax: 0 }),
  };
  return Array.from({ length: request.numGenerations ?? 1 }, (_, nth) => ({
    ...brief,
    seed: nth === 0 ? seed : nextHash(seed + nth),
  }));
}

function taskOf(request: GenericRequest, lastUserText: string, seed: number): Task {
  const { messages, toolChoice, responseFormat } = request;
  const lastTurn = messages.findLastIndex(({ role }) => role !== 'TOOL');
  const results = messages.slice(lastTurn + 1);
  if (results.length > 0) return { type: 'say', text: `The tool answered: ${results.map(textOf).join('; ')}` };

  const tools = offeredTools(request);
  const forced = toolChoice?.type === 'REQUIRED' || toolChoice?.type === 'FUNCTION';
  if (tools.length > 0 && messages.at(-1)?.role === 'USER' && (forced || wantsTools(lastUserText))) {
    const parallel = request.isParallelToolCalls !== false && wantsParallel(lastUserText);
    const [first = tools[0], second = first] = tools;
    const called = parallel ? [first, second] : [first];
    return {
      type: 'call-tools',
      plan: wantsPlan(lastUserText) && first ? planFor(first.name) : '',
      tools: called.flatMap((tool) => (tool ? [{ name: tool.name, schema: tool.parameters }] : [])),
    };
  }
  if (responseFormat?.type === 'JSON_SCHEMA') {
    return { type: 'say', text: JSON.stringify(sampleOf(responseFormat.jsonSchema.schema)) };
  }
  if (responseFormat?.type === 'JSON_OBJECT') {
    return { type: 'say', text: JSON.stringify({ answer: proseOf(seed, 12).join('') }) };
  }
  return { type: 'prose' };
}

/** The tools that may be called: none, all, or the one that is asked for by name. */
function offeredTools({ tools, toolChoice }: GenericRequest): NonNullable<GenericRequest['tools']> {
  if (toolChoice?.type === 'NONE') return [];
  if (toolChoice?.type !== 'FUNCTION') return tools ?? [];
  const named = (tools ?? []).filter(({ name }) => name === toolChoice.name);
  if (named.length === 0) throw new OciFailure(400, `Tool choice names '${toolChoice.name}', which is not in tools`);
  return named;
}

function promptTokensOf({ messages, tools }: GenericRequest): number {
  const offered = tools && tools.length > 0 ? countTokens(JSON.stringify(tools)) : 0;
  return messages.reduce((sum, message) => sum + messageTokens(message), offered);
}

function messageTokens(message: GenericMessage): number {
  let tokens = messageOverheadTokens;
  for (const part of message.content ?? []) tokens += partTokens(part);
  if (message.role === 'ASSISTANT') {
    for (const call of message.toolCalls ?? []) tokens += countTokens(call.name) + countTokens(call.arguments);
  }
  return tokens;
}

function partTokens(part: GenericPart): number {
  if (part.type === 'TEXT') return countTokens(part.text);
  return Math.min(attachmentTokens, JSON.stringify(part).length);
}

function textOf(message: GenericMessage | undefined): string {
  const content = message?.content ?? [];
  return content.map((part) => (part.type === 'TEXT' ? part.text : '')).join('');
}
