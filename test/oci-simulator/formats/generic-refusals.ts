import { OciFailure, vendorRefusal } from '../failure.ts';
import type { ChatModel } from '../models.ts';
import type { GenericMessage, GenericRequest } from './generic-request.ts';

/** Refuses what the vendor behind the model refuses (§3.8, §7.1). @throws OciFailure 400 */
export function refuseUnsupported(request: GenericRequest, model: ChatModel): void {
  for (const field of model.refuses) {
    if (field in request && isSet(request, field)) throw unsupportedParameter(field, model);
  }
  refuseSampling(request, model);
  refuseEffort(request, model);
  refuseLongAnswers(request, model);
  refuseAttachments(request, model);
  refuseStrangeMessages(request, model);
  if (isSet(request, 'verbosity') && model.family !== 'gpt') throw unsupportedParameter('verbosity', model);
  if (model.family === 'llama') refuseLlamaTools(request);
  if (model.family === 'gemini') refuseGeminiTools(request);
}

function unsupportedParameter(field: string, model: ChatModel): OciFailure {
  const param = vendorName(field);
  const advice = field === 'maxTokens' ? " Use 'max_completion_tokens' instead." : '';
  const message = `Unsupported parameter: '${param}' is not supported with ${model.name}.${advice}`;
  return vendorRefusal('unsupported_parameter', param, message);
}

/** A neutral value is as good as none. */
function isSet(request: GenericRequest, field: string): boolean {
  const value = Object.entries(request).find(([name]) => name === field)?.[1];
  if (field === 'numGenerations') return value !== undefined && value !== null && value !== 1;
  const isEmpty = Array.isArray(value) && value.length === 0;
  return value !== undefined && value !== null && value !== 0 && !isEmpty;
}

function refuseSampling(request: GenericRequest, model: ChatModel): void {
  if (!model.onlyDefaultSampling) return;
  for (const field of ['temperature', 'topP'] as const) {
    if ((request[field] ?? 1) === 1) continue;
    const param = vendorName(field);
    const message = `Unsupported value: '${param}' does not support ${request[field]} with this model. Only the default (1) value is supported.`;
    throw vendorRefusal('unsupported_value', param, message);
  }
}

function refuseEffort({ reasoningEffort }: GenericRequest, model: ChatModel): void {
  if (reasoningEffort === undefined || reasoningEffort === null) return;
  if (model.efforts.length === 0) throw unsupportedParameter('reasoningEffort', model);
  if (model.efforts.includes(reasoningEffort)) return;
  const message = `Unsupported value: 'reasoning_effort' does not support '${reasoningEffort.toLowerCase()}' with this model.`;
  throw vendorRefusal('unsupported_value', 'reasoning_effort', message);
}

function refuseLongAnswers(request: GenericRequest, model: ChatModel): void {
  const asked = Math.max(request.maxTokens ?? 0, request.maxCompletionTokens ?? 0);
  if (asked <= model.maxOutputTokens) return;
  throw new OciFailure(400, `maxTokens must be at most ${model.maxOutputTokens} for model ${model.name}, got ${asked}`);
}

function refuseAttachments(request: GenericRequest, model: ChatModel): void {
  if (model.attachments === 'all') return;
  for (const { content } of request.messages) {
    for (const { type } of content ?? []) {
      if (type === 'TEXT' || (type === 'IMAGE' && model.attachments === 'images')) continue;
      throw new OciFailure(400, `Model ${model.name} does not support content of type ${type}`);
    }
  }
}

/** Roles and fields that only some vendors know; an empty text beside calls has brought backends down (§3.3). */
function refuseStrangeMessages({ messages }: GenericRequest, model: ChatModel): void {
  for (const message of messages) {
    if (message.role === 'DEVELOPER' && model.family !== 'gpt') {
      throw vendorRefusal('invalid_value', 'messages', `Invalid value: 'developer' is no role of ${model.name}.`);
    }
    if (message.role !== 'ASSISTANT') continue;
    if (model.reasoning !== 'shown' && (message.reasoningContent ?? '') !== '') {
      throw vendorRefusal('invalid_value', 'messages', `Unknown field: 'reasoning_content' with ${model.name}.`);
    }
    const isEmpty = (message.content ?? []).some((part) => part.type === 'TEXT' && part.text === '');
    if (isEmpty) throw new OciFailure(500, 'java.lang.NullPointerException');
  }
  const images = messages.flatMap(({ content }) => (content ?? []).filter(({ type }) => type === 'IMAGE'));
  if (images.length <= model.imagesMax) return;
  throw new OciFailure(400, `Model ${model.name} supports at most ${model.imagesMax} image per request`);
}

function refuseLlamaTools({ tools, messages }: GenericRequest): void {
  if ((tools ?? []).length === 0 || messages[0]?.role === 'USER') return;
  throw new OciFailure(400, 'Tool calling for this Llama model requires the first message to be a user message');
}

function refuseGeminiTools({ tools, messages }: GenericRequest): void {
  const schemas = JSON.stringify((tools ?? []).map(({ parameters }) => parameters));
  const word = /"(exclusiveMinimum|exclusiveMaximum|\$ref)":/.exec(schemas)?.[1];
  if (word !== undefined) {
    throw vendorRefusal(
      'invalid_argument',
      'tools',
      `Invalid JSON payload received. Unknown name "${word}" at 'tools'.`,
    );
  }
  if (!arePaired(messages)) {
    const message =
      'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.';
    throw vendorRefusal('invalid_argument', 'messages', message);
  }
}

/** Whether each assistant turn with calls is followed by exactly as many results, and no result stands alone. */
function arePaired(messages: readonly GenericMessage[]): boolean {
  let owed = 0;
  for (const message of messages) {
    if (message.role === 'TOOL') {
      owed -= 1;
      if (owed < 0) return false;
      continue;
    }
    if (owed > 0) return false;
    owed = message.role === 'ASSISTANT' ? (message.toolCalls ?? []).length : 0;
  }
  return owed === 0;
}

function vendorName(field: string): string {
  if (field === 'logProbs') return 'logprobs';
  if (field === 'numGenerations') return 'n';
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
