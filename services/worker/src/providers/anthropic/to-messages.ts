import type { ChatMessage, ContentPart, ToolCall } from '@sluice/shared/api/openai/chat-completion.ts';
import { fileUrlOf, partsOf } from '../chat/message-content.ts';
import { unsupportedParameters } from '../chat/supported-params.ts';
import { objectFromJson } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import { ProviderError } from '../provider.ts';

/** A conversation as Anthropic has it: instructions apart, user and assistant by turns. */
export interface Conversation {
  /** Empty: there are no instructions. */
  readonly system: readonly WireObject[];
  readonly messages: readonly Turn[];
}

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: WireObject[];
}

/**
 * System and developer messages become the instructions, wherever they stand; what follows each other in the same
 * role becomes one message; results of tools are the user's. Empty text is left out, because the API refuses it.
 *
 * @throws ProviderError for what the API cannot be given
 */
export function toMessages(messages: readonly ChatMessage[], model: string): Conversation {
  const system: WireObject[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    const content = blocksOf(message, model);
    if (message.role === 'system' || message.role === 'developer') {
      system.push(...content);
    } else if (content.length > 0) {
      const role = message.role === 'assistant' ? 'assistant' : 'user';
      const last = turns.at(-1);
      if (last?.role === role) last.content.push(...content);
      else turns.push({ role, content });
    }
  }
  return { system, messages: turns.map((turn, at) => (at === turns.length - 1 ? withoutTail(turn) : turn)) };
}

function blocksOf(message: ChatMessage, model: string): WireObject[] {
  const blocks = partsOf(message.content).flatMap((part) => toBlock(part, model));
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user':
      return blocks;
    case 'assistant': {
      const said = blocks.length === 0 && message.refusal ? [{ type: 'text', text: message.refusal }] : blocks;
      return [...said, ...(message.tool_calls ?? []).map(toToolUse)];
    }
    case 'tool':
      return [{ type: 'tool_result', tool_use_id: message.tool_call_id, content: blocks }];
  }
}

function toBlock(part: ContentPart, model: string): WireObject[] {
  switch (part.type) {
    case 'text':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }];
    case 'refusal':
      return part.refusal === '' ? [] : [{ type: 'text', text: part.refusal }];
    case 'image_url':
      return [{ type: 'image', source: toSource(part.image_url.url) }];
    case 'file': {
      const url = fileUrlOf(part);
      if (url === null) throw unsupportedParameters([part.type], model, { provider: 'anthropic' });
      return [{ type: 'document', source: toSource(url) }];
    }
    case 'input_audio':
    case 'video_url':
      throw unsupportedParameters([part.type], model, { provider: 'anthropic' });
  }
}

/** A data URL is sent as what it holds; any other is the provider's to fetch. */
function toSource(url: string): WireObject {
  const [, mediaType, data] = /^data:([^;,]+)(?:;[^,]*)?;base64,(.*)$/s.exec(url) ?? [];
  if (mediaType === undefined || data === undefined) return { type: 'url', url };
  return { type: 'base64', media_type: mediaType === 'image/jpg' ? 'image/jpeg' : mediaType, data };
}

function toToolUse({ id, function: { name, arguments: text } }: ToolCall): WireObject {
  const input = text.trim() === '' ? {} : objectFromJson(text);
  if (input === null) {
    const message = `litellm.BadRequestError: AnthropicException - The arguments of tool call ${id} are not a JSON object.`;
    throw new ProviderError('provider_bad_request', message, { status: 400, param: 'messages', mayBeBilled: false });
  }
  return { type: 'tool_use', id, name, input };
}

/** An answer that is to be gone on with must not end in white space. */
function withoutTail(turn: Turn): Turn {
  const last = turn.content.at(-1);
  if (turn.role !== 'assistant' || typeof last?.['text'] !== 'string') return turn;
  const text = last['text'].trimEnd();
  const before = turn.content.slice(0, -1);
  return { role: turn.role, content: text === '' ? before : [...before, { ...last, text }] };
}
