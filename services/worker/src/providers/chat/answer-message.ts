import { isJsonObject } from '@sluice/shared/json-object.ts';
import { listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ToolCallFragment } from './tool-call-accumulator.ts';

/** The text of a message, its parts joined. */
export function messageText(message: WireObject): string {
  const content = message['content'];
  if (!Array.isArray(content)) return textOf(content);
  let text = '';
  for (const part of listOf(content)) {
    if (isJsonObject(part)) text += textOf(part['text']);
  }
  return text;
}

/** A tool call or a piece of one, flat as OCI documents it or nested as OpenAI and COHEREV2 have it. */
export function toolCallFragment(call: WireObject): ToolCallFragment {
  const body = isJsonObject(call['function']) ? call['function'] : call;
  return { id: textOf(call['id']), name: textOf(body['name']), arguments: argumentsText(body['arguments']) };
}

/** JSON text, also from a backend that sends the object itself. */
function argumentsText(value: unknown): string {
  return isJsonObject(value) ? JSON.stringify(value) : textOf(value);
}
