import { isDeepStrictEqual } from 'node:util';
import type { ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';

/** One thing that was said in a conversation, whatever protocol puts it. */
export type Said =
  | {
      readonly who: 'system' | 'user' | 'assistant';
      /** Texts that follow each other are one; empty ones are none. */
      readonly content: readonly (string | Picture)[];
      readonly thought: string;
      readonly calls: readonly Call[];
    }
  | { readonly who: 'tool'; readonly call: string | Omit<Call, 'id'>; readonly result: unknown };

export interface Picture {
  readonly url: string;
  readonly detail: string | null;
}

export interface Call {
  readonly id?: string;
  readonly name: string;
  /** As the client wrote them, or their value where a format sends values. */
  readonly arguments: unknown;
}

type Speech = Exclude<Said, { who: 'tool' }>;

export function speech(
  who: Speech['who'],
  content: readonly (string | Picture)[],
  more: Partial<Pick<Speech, 'thought' | 'calls'>> = {},
): Speech {
  const merged: (string | Picture)[] = [];
  for (const part of content) {
    const before = merged.at(-1);
    if (typeof part === 'string' && typeof before === 'string') merged.splice(-1, 1, before + part);
    else if (part !== '') merged.push(part);
  }
  return { who, content: merged, thought: '', calls: [], ...more };
}

export function textOf(content: readonly (string | Picture)[]): string {
  return content.map((part) => (typeof part === 'string' ? part : '')).join('');
}

/** What an OpenAI request says. */
export function saidIn(messages: readonly ChatMessage[]): Said[] {
  return messages.map((message): Said => {
    const parts = typeof message.content === 'string' ? [message.content] : (message.content ?? []).map(contentOf);
    switch (message.role) {
      case 'system':
      case 'developer':
        return speech('system', parts);
      case 'user':
        return speech('user', parts);
      case 'assistant':
        return speech('assistant', [...parts, message.refusal ?? ''], {
          thought: message.reasoning_content ?? '',
          calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: json } }) => ({
            id,
            name,
            arguments: json === '' ? '{}' : json,
          })),
        });
      case 'tool':
        return { who: 'tool', call: message.tool_call_id, result: textOf(parts) };
    }
  });
}

function contentOf(part: Exclude<ChatMessage['content'], string | null | undefined>[number]): string | Picture {
  if (part.type === 'text') return part.text;
  if (part.type === 'refusal') return part.refusal;
  if (part.type !== 'image_url') throw new Error(`No conversation of these tests holds a part of type ${part.type}.`);
  const { url, detail = null } = part.image_url;
  return { url, detail };
}

/** Where the model is not given back what it thought. */
export function withoutThoughts(said: readonly Said[]): Said[] {
  return said.map((each) => (each.who === 'tool' ? each : { ...each, thought: '' }));
}

/** Where the first message must be the user's: the system's texts are the beginning of it. */
export function withSystemInUser(said: readonly Said[]): Said[] {
  const count = said.findIndex(({ who }) => who !== 'system');
  const [first, ...others] = said.slice(count);
  if (count === 0 || first?.who !== 'user') return [...said];
  const texts = said.slice(0, count).map((each) => (each.who === 'tool' ? '' : textOf(each.content)));
  return [speech('user', [`${texts.join('\n\n')}\n\n`, ...first.content]), ...others];
}

/** As COHERE can say it: the system first, calls by value and without ids, results as objects. */
export function asCohere(said: readonly Said[]): Said[] {
  const system = said.flatMap((each) => (each.who === 'system' ? [textOf(each.content)] : []));
  const made = new Map<unknown, Omit<Call, 'id'>>();
  const others = said.flatMap((each): Said[] => {
    if (each.who === 'system') return [];
    if (each.who === 'tool') {
      return [{ who: 'tool', call: made.get(each.call) ?? '', result: outputsOf(String(each.result)) }];
    }
    const calls = each.calls.map(({ id, name, arguments: json }) => {
      const call = { name, arguments: exactJson(String(json)) };
      made.set(id, call);
      return call;
    });
    return [{ ...each, thought: '', calls }];
  });
  return system.length > 0 ? [speech('system', [system.join('\n')]), ...others] : others;
}

function outputsOf(text: string): unknown {
  try {
    const value = exactJson(text);
    const objects = Array.isArray(value) ? value : [value];
    if (objects.length > 0 && objects.every((each) => isDeepStrictEqual(Object(each), each) && !Array.isArray(each))) {
      return objects;
    }
  } catch {
    // It is a text, then.
  }
  return [{ output: text }];
}

/** JSON of which no integer is rounded. */
export function exactJson(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? '')
      : value,
  );
}
