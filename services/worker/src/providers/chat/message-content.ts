import type { ChatMessage, ContentPart } from '@sluice/shared/api/openai/chat-completion.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { unsupportedParameters } from './supported-params.ts';

type Content = ChatMessage['content'];

/** The text of a message's content, its parts joined; other parts have none. */
export function textOfContent(content: Content): string {
  return partsOf(content).map(textOfPart).join('');
}

/** The content as a list, whichever way it was sent. */
export function partsOf(content: Content): readonly ContentPart[] {
  if (content === null || content === undefined) return [];
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function textOfPart(part: ContentPart): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'refusal':
      return part.refusal;
    case 'image_url':
    case 'input_audio':
    case 'video_url':
    case 'file':
      return '';
  }
}

/**
 * Refuses content that the model cannot see, hear or read: dropped, the answer would be about something else.
 *
 * @throws ProviderError `unsupported_parameter`, also with `drop_params`
 */
export function refuseParts(messages: readonly ChatMessage[], parts: ReadonlySet<string>, model: string): void {
  for (const { content } of messages) {
    for (const { type } of partsOf(content)) {
      if (type !== 'text' && type !== 'refusal' && !parts.has(type)) throw unsupportedParameters([type], model);
    }
  }
}

/** A data URL of the audio; null when the part does not hold it. */
export function audioUrlOf(part: ContentPart): string | null {
  const audio = part['input_audio'];
  return isJsonObject(audio) && typeof audio['data'] === 'string' && typeof audio['format'] === 'string'
    ? `data:audio/${audio['format']};base64,${audio['data']}`
    : null;
}

/** A data URL of the file; null when the part only names it: OCI has no access to the client's uploads. */
export function fileUrlOf(part: ContentPart): string | null {
  const file = part['file'];
  return isJsonObject(file) && typeof file['file_data'] === 'string' ? file['file_data'] : null;
}

/** As LiteLLM and vLLM have it; OpenAI has no such part. */
export function videoUrlOf(part: ContentPart): string | null {
  const video = part['video_url'];
  return isJsonObject(video) && typeof video['url'] === 'string' ? video['url'] : null;
}
