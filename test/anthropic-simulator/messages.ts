import type { AnswerBrief, Task } from '../oci-simulator/answer.ts';
import { wantsParallel, wantsTools } from '../oci-simulator/formats/tool-wish.ts';
import { sampleOf } from '../oci-simulator/schema-sample.ts';
import { attachmentTokens, countTokens, hashText, messageOverheadTokens } from '../oci-simulator/tokens.ts';
import { Refusal } from '../provider-simulator/refusal.ts';
import { serveTurn } from '../provider-simulator/serve-turn.ts';
import type { ProviderTurn } from '../provider-simulator/serve-turn.ts';
import type { ProviderDeps, ProviderExchange } from '../provider-simulator/simulated-provider.ts';
import { findClaudeModel } from './claude-models.ts';
import type { ClaudeModel } from './claude-models.ts';
import { messageFrames, messageOf } from './message-answer.ts';
import { blocksOf, invalid, readMessagesRequest } from './messages-request.ts';
import type { SimulatedBlock, SimulatedMessagesRequest, SimulatedTurn } from './messages-request.ts';

/** `POST /v1/messages` */
export async function messages(deps: ProviderDeps, exchange: ProviderExchange): Promise<void> {
  const request = readMessagesRequest(exchange.body);
  const model = findClaudeModel(request.model);
  if (model === undefined) throw new Refusal(404, `model: ${request.model}`, { type: 'not_found_error' });
  refuseForModel(request, model);
  const turn = turnOf(request, model, exchange.callId);
  const { promptTokens } = turn.applicant;
  if (promptTokens > model.contextTokens) {
    throw invalid(`prompt is too long: ${promptTokens} tokens > ${model.contextTokens} maximum`);
  }
  return serveTurn(deps, exchange, turn);
}

function refuseForModel(request: SimulatedMessagesRequest, model: ClaudeModel): void {
  const refused = model.refuses.find((name) => name in request);
  if (refused !== undefined) throw invalid(`${refused}: not supported by ${model.name}`);
  if (request.max_tokens > model.maxOutputTokens) {
    throw invalid(`max_tokens: ${request.max_tokens} > ${model.maxOutputTokens}, the most of ${model.name}`);
  }
  const kind = request.thinking?.type;
  if (kind !== undefined && kind !== 'disabled' && !model.thinking.includes(kind)) {
    throw invalid(`thinking: type ${kind} is not supported by ${model.name}`);
  }
}

function turnOf(request: SimulatedMessagesRequest, model: ClaudeModel, callId: string): ProviderTurn {
  const steeringText = textOf(request.messages.findLast(({ role }) => role === 'user'));
  const about = { id: `msg_${callId.slice(-24)}`, model: model.name };
  const { thinking } = request;
  return {
    applicant: {
      model: model.name,
      format: 'ANTHROPIC',
      streamed: request.stream === true,
      steeringText,
      promptTokens: promptTokensOf(request),
    },
    reasoning: thinking && thinking.type !== 'disabled' ? 'shown' : 'none',
    briefs: [briefOf(request, steeringText)],
    clientRequestId: null,
    whole: (outcome) => messageOf(outcome, about),
    frames: (outcome, behaviour) => messageFrames(outcome, behaviour, about),
    errorEvent: JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  };
}

function briefOf(request: SimulatedMessagesRequest, lastUserText: string): AnswerBrief {
  const seed = request.messages.reduce((hash, message) => hashText(textOf(message), hash), hashText(''));
  return {
    seed,
    task: taskOf(request, lastUserText),
    maxTokens: request.max_tokens,
    ...(request.thinking?.type === 'enabled' && { thinkingMax: request.thinking.budget_tokens }),
    stop: request.stop_sequences ?? [],
  };
}

function taskOf(
  { messages: turns, tools, tool_choice: choice, output_config: output }: SimulatedMessagesRequest,
  lastUserText: string,
): Task {
  const last = turns.at(-1);
  const results = (last ? blocksOf(last) : []).flatMap((block) =>
    block.type === 'tool_result' ? resultText(block) : [],
  );
  if (results.length > 0) return { type: 'say', text: `The tool answered: ${results.join('; ')}` };

  const named = choice?.type === 'tool' ? choice.name : null;
  const offered = choice?.type === 'none' ? [] : (tools ?? []).filter(({ name }) => named === null || name === named);
  if (named !== null && offered.length === 0) throw invalid(`tool_choice: tool '${named}' not found in tools`);
  const [first, second = first] = offered;
  if (first && second && (named !== null || choice?.type === 'any' || wantsTools(lastUserText))) {
    const alone = choice && choice.type !== 'none' && choice.disable_parallel_tool_use === true;
    const called = wantsParallel(lastUserText) && !alone ? [first, second] : [first];
    return {
      type: 'call-tools',
      plan: 'I will look that up.',
      tools: called.map(({ name, input_schema: schema }) => ({ name, schema })),
    };
  }
  if (output?.format) return { type: 'say', text: JSON.stringify(sampleOf(output.format.schema)) };
  return { type: 'prose' };
}

function promptTokensOf({ messages: turns, system, tools }: SimulatedMessagesRequest): number {
  const instructions = typeof system === 'string' ? system : (system ?? []).map(({ text }) => text).join('');
  const offered = tools ? countTokens(JSON.stringify(tools)) : 0;
  return turns.reduce(
    (sum, turn) => sum + messageOverheadTokens + blocksOf(turn).reduce((of, block) => of + blockTokens(block), 0),
    countTokens(instructions) + offered,
  );
}

function blockTokens(block: SimulatedBlock): number {
  switch (block.type) {
    case 'text':
      return countTokens(block.text);
    case 'tool_use':
      return countTokens(block.name) + countTokens(JSON.stringify(block.input));
    case 'tool_result':
      return countTokens(resultText(block));
    case 'image':
    case 'document':
      return Math.min(attachmentTokens, JSON.stringify(block).length);
  }
}

function resultText({ content }: Extract<SimulatedBlock, { type: 'tool_result' }>): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('');
}

function textOf(message: SimulatedTurn | undefined): string {
  return (message ? blocksOf(message) : []).map((block) => (block.type === 'text' ? block.text : '')).join('');
}
