import type { ChatCompletionRequest, ChatMessage, ContentPart } from '@sluice/shared/api/openai/chat-completion.ts';
import { documentTexts } from '@sluice/shared/api/cohere/rerank.ts';
import type { RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import type { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import type { ModerationRequest } from '@sluice/shared/api/openai/moderation.ts';

export interface InputBounds {
  /** No tokenizer counts more: what money is reserved for. */
  readonly inputTokensMax: number;
  /** What it is likely to be: what rate limits count until the answer tells. */
  readonly inputTokensEstimate: number;
  /** UTF-16 units of all text. */
  readonly inputCharacters: number;
}

/**
 * What the chat template may write around texts, in tokens: around a message or a tool definition, around the whole,
 * and as instructions for the use of tools.
 */
const overhead = { message: 16, request: 64, tools: 256 };

/**
 * The most that one image can be: the largest count among OCI's vision models, at full size and detail, is below it.
 * A data URL's length says nothing about the tokens, so it is not counted.
 */
export const imageTokensMax = 16_384;

/** Cohere's default: a longer document is cut off. */
const rerankChunksMax = 10;

const charactersPerToken = 4;
const messageTokensEstimate = 4;

/**
 * Every token of a byte-level tokenizer stands for at least one byte of UTF-8, so text has at most as many tokens as
 * bytes.
 */
export function chatInputBounds(request: ChatCompletionRequest): InputBounds {
  const { messages, tools, tool_choice: toolChoice, response_format: responseFormat } = request;
  const hasTools = tools != null && tools.length > 0;
  const texts: string[] = [];
  let images = 0;
  for (const message of messages) {
    addTexts(texts, message);
    if (Array.isArray(message.content)) for (const part of message.content) if (isMedia(part)) images += 1;
  }
  // Templates put these into the prompt as JSON.
  for (const json of [hasTools ? tools : null, toolChoice, responseFormat]) {
    if (json != null && typeof json !== 'string') texts.push(JSON.stringify(json));
  }
  const extra = images * imageTokensMax + (hasTools ? overhead.tools + tools.length * overhead.message : 0);
  return boundsOf(texts, messages.length, extra);
}

/** What looks like a picture may be one, if a deployment's default says so: it is counted as both. */
export function embeddingInputBounds({ input, input_type: inputType }: EmbeddingRequest): InputBounds {
  const inputs = typeof input === 'string' ? [input] : input;
  if (inputType?.toLowerCase() === 'image') return boundsOf([], inputs.length, inputs.length * imageTokensMax);
  const images = inputs.filter((text) => text.startsWith('data:image/')).length;
  return boundsOf(inputs, inputs.length, images * imageTokensMax);
}

/** The model reads the query again with every piece of a document. */
export function rerankInputBounds(request: RerankRequest): InputBounds {
  const { query, max_chunks_per_doc: chunksMax } = request;
  const documents = documentTexts(request);
  const own = boundsOf(documents, documents.length, 0);
  const chunks = documents.length * (chunksMax ?? rerankChunksMax);
  return {
    inputTokensMax: own.inputTokensMax + chunks * (Buffer.byteLength(query) + overhead.message),
    inputTokensEstimate: own.inputTokensEstimate + documents.length * Math.ceil(query.length / charactersPerToken),
    inputCharacters: own.inputCharacters + query.length,
  };
}

export function moderationInputBounds({ input }: Pick<ModerationRequest, 'input'>): InputBounds {
  const texts = typeof input === 'string' ? [input] : input;
  return boundsOf(texts, texts.length, 0);
}

function boundsOf(texts: readonly string[], messages: number, extraTokensMax: number): InputBounds {
  let bytes = 0;
  let inputCharacters = 0;
  for (const text of texts) {
    bytes += Buffer.byteLength(text, 'utf8');
    inputCharacters += text.length;
  }
  return {
    inputTokensMax: bytes + messages * overhead.message + overhead.request + extraTokensMax,
    inputTokensEstimate: Math.ceil(inputCharacters / charactersPerToken) + messages * messageTokensEstimate,
    inputCharacters,
  };
}

function addTexts(texts: string[], message: ChatMessage): void {
  const { content, name } = message;
  if (typeof content === 'string') texts.push(content);
  else for (const part of content ?? []) addPartText(texts, part);
  if (typeof name === 'string') texts.push(name);
  if (message.role === 'tool') texts.push(message.tool_call_id);
  if (message.role === 'assistant') {
    for (const text of [message.refusal, message.reasoning_content]) if (text != null) texts.push(text);
    for (const call of message.tool_calls ?? []) texts.push(call.id, call.function.name, call.function.arguments);
  }
}

function addPartText(texts: string[], part: ContentPart): void {
  if (part.type === 'text') texts.push(part.text);
  else if (part.type === 'refusal') texts.push(part.refusal);
  else if (part.type !== 'image_url') texts.push(JSON.stringify(part)); // of unknown nature: its bytes, and an image's tokens on top
}

function isMedia({ type }: ContentPart): boolean {
  return type !== 'text' && type !== 'refusal';
}
