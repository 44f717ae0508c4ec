import type { AnswerBrief, Task } from '../oci-simulator/answer.ts';
import { wantsParallel, wantsTools } from '../oci-simulator/formats/tool-wish.ts';
import { sampleOf } from '../oci-simulator/schema-sample.ts';
import { attachmentTokens, countTokens, hashText, messageOverheadTokens, nextHash } from '../oci-simulator/tokens.ts';
import { proseOf } from '../oci-simulator/vocabulary.ts';
import type { ProviderTurn } from '../provider-simulator/serve-turn.ts';
import { serveTurn } from '../provider-simulator/serve-turn.ts';
import type { ProviderDeps, ProviderExchange } from '../provider-simulator/simulated-provider.ts';
import { chatFrames, completionOf } from './chat-answer.ts';
import { invalid, readChatRequest } from './chat-request.ts';
import type { SimulatedChatRequest, SimulatedMessage } from './chat-request.ts';
import type { OpenAiModel } from './openai-models.ts';

/** Tokens of an answer when the request sets no limit: little, so that who forgets one notices. */
const defaultMaxTokens = 20;

/**
 * `POST …/chat/completions`
 *
 * @param findModel throws for a model that is not served
 */
export async function chatCompletions(
  deps: ProviderDeps,
  exchange: ProviderExchange,
  findModel: (name: string) => OpenAiModel,
): Promise<void> {
  const request = readChatRequest(exchange.body);
  const model = findModel(request.model);
  for (const name of model.refuses) {
    if (name in request) {
      const message = `Unsupported parameter: '${name}' is not supported with this model.`;
      throw invalid(message, name, 'unsupported_parameter');
    }
  }
  const turn = turnOf(request, model, exchange);
  if (turn.applicant.promptTokens > model.contextTokens) {
    const message = `This model's maximum context length is ${model.contextTokens} tokens.`;
    throw invalid(message, 'messages', 'context_length_exceeded');
  }
  return serveTurn(deps, exchange, turn);
}

function turnOf(
  request: SimulatedChatRequest,
  model: OpenAiModel,
  { request: http, callId }: ProviderExchange,
): ProviderTurn {
  const streamed = request.stream === true;
  const steeringText = textOf(request.messages.findLast(({ role }) => role === 'user'));
  const id = `chatcmpl-${callId}`;
  const about = {
    id,
    model,
    tellsUsage: request.stream_options?.include_usage === true,
    topLogProbs: topLogProbsOf(request),
  };
  const clientRequestId = http.headers['x-client-request-id'] ?? http.headers['opc-request-id'];
  return {
    applicant: { model: model.name, format: 'OPENAI', streamed, steeringText, promptTokens: promptTokensOf(request) },
    reasoning: request.reasoning_effort === 'none' ? 'none' : model.reasoning,
    briefs: briefsOf(request, steeringText),
    clientRequestId: typeof clientRequestId === 'string' ? clientRequestId : null,
    whole: (outcome, behaviour) => completionOf(outcome, behaviour, about),
    frames: (outcome, behaviour) => chatFrames(outcome, behaviour, about),
    errorEvent: JSON.stringify({
      error: { message: 'The server had an error while processing your request.', type: 'server_error', code: null },
    }),
  };
}

/** null: no probabilities are asked for. @throws Refusal */
function topLogProbsOf({ logprobs, top_logprobs: top }: SimulatedChatRequest): number | null {
  if (top && !logprobs) throw invalid("'top_logprobs' is only allowed with 'logprobs'.", 'top_logprobs');
  return logprobs ? (top ?? 0) : null;
}

function briefsOf(request: SimulatedChatRequest, lastUserText: string): AnswerBrief[] {
  const seed = request.messages.reduce((hash, message) => hashText(textOf(message), hash), hashText(''));
  const brief = {
    seed,
    task: taskOf(request, lastUserText, seed),
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? defaultMaxTokens,
    stop: typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []),
  };
  return Array.from({ length: request.n ?? 1 }, (_, nth) => ({
    ...brief,
    seed: nth === 0 ? seed : nextHash(seed + nth),
  }));
}

function taskOf(request: SimulatedChatRequest, lastUserText: string, seed: number): Task {
  const { messages, tool_choice: choice, response_format: format, tools } = request;
  const results = messages.slice(messages.findLastIndex(({ role }) => role !== 'tool') + 1);
  if (results.length > 0) return { type: 'say', text: `The tool answered: ${results.map(textOf).join('; ')}` };

  const named = typeof choice === 'object' && choice !== null ? choice.function.name : null;
  const offered =
    choice === 'none' ? [] : (tools ?? []).filter((tool) => named === null || tool.function.name === named);
  if (named !== null && offered.length === 0) throw invalid(`Tool '${named}' is not in tools.`, 'tool_choice');
  const [first, second = first] = offered;
  if (first && second && (named !== null || choice === 'required' || wantsTools(lastUserText))) {
    const parallel = request.parallel_tool_calls !== false && wantsParallel(lastUserText);
    const called = (parallel ? [first, second] : [first]).map((tool) => tool.function);
    return {
      type: 'call-tools',
      plan: '',
      tools: called.map(({ name, parameters }) => ({ name, schema: parameters })),
    };
  }
  if (format?.type === 'json_schema') return { type: 'say', text: JSON.stringify(sampleOf(format.json_schema.schema)) };
  if (format?.type === 'json_object') {
    return { type: 'say', text: JSON.stringify({ answer: proseOf(seed, 12).join('') }) };
  }
  return { type: 'prose' };
}

function promptTokensOf({ messages, tools }: SimulatedChatRequest): number {
  const offered = tools ? countTokens(JSON.stringify(tools)) : 0;
  return messages.reduce((sum, message) => sum + messageTokens(message), offered);
}

function messageTokens(message: SimulatedMessage): number {
  let tokens = messageOverheadTokens + countTokens(textOf(message));
  if (typeof message.content !== 'string') {
    for (const part of message.content ?? []) {
      if (part.type !== 'text') tokens += Math.min(attachmentTokens, JSON.stringify(part).length);
    }
  }
  if (message.role === 'assistant') {
    for (const call of message.tool_calls ?? []) {
      tokens += countTokens(call.function.name) + countTokens(call.function.arguments);
    }
  }
  return tokens;
}

function textOf(message: SimulatedMessage | undefined): string {
  const content = message?.content ?? '';
  if (typeof content === 'string') return content;
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
