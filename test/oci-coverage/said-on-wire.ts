import type { CohereRequest } from '../oci-simulator/formats/cohere-request.ts';
import { isCohereRequest } from '../oci-simulator/formats/cohere-request.ts';
import { isCohereV2Request } from '../oci-simulator/formats/cohere-v2-request.ts';
import { isGenericRequest } from '../oci-simulator/formats/generic-request.ts';
import type { Call, Picture, Said } from './said.ts';
import { exactJson, speech, textOf } from './said.ts';

/** What OCI is told by the `chatRequest` of this JSON text. @throws Error for one that the simulator refuses */
export function saidOnWire(body: string): Said[] {
  const request: unknown = JSON.parse(body);
  if (isGenericRequest(request)) {
    return request.messages.map((message) => {
      const parts = (message.content ?? []).map((part) => {
        if (part.type === 'TEXT') return part.text;
        return part.type === 'IMAGE' ? pictureOf(part.imageUrl) : unknownPart(part.type);
      });
      if (message.role === 'TOOL') return { who: 'tool', call: message.toolCallId, result: textOf(parts) };
      if (message.role !== 'ASSISTANT') return speech(message.role === 'USER' ? 'user' : 'system', parts);
      const calls = (message.toolCalls ?? []).map(({ id, name, arguments: json }) => ({ id, name, arguments: json }));
      return speech('assistant', parts, { thought: message.reasoningContent ?? '', calls });
    });
  }
  if (isCohereV2Request(request)) {
    return request.messages.map((message) => {
      const content = message.content ?? [];
      const parts = content.map((part) => {
        if (part.type === 'TEXT') return part.text;
        if (part.type === 'THINKING') return '';
        return part.type === 'IMAGE_URL' ? pictureOf(part.imageUrl) : unknownPart(part.type);
      });
      if (message.role === 'TOOL') return { who: 'tool', call: message.toolCallId, result: textOf(parts) };
      if (message.role !== 'ASSISTANT') return speech(message.role === 'USER' ? 'user' : 'system', parts);
      const thought = content.map((part) => (part.type === 'THINKING' ? part.thinking : '')).join('');
      const calls = (message.toolCalls ?? []).map(({ id, function: made }) => ({ id, ...made }));
      return speech('assistant', parts, { thought, calls });
    });
  }
  const exact = exactJson(body);
  if (!isCohereRequest(request) || !isCohereRequest(exact)) throw new Error('OCI does not understand it.');
  return saidToCohere(exact);
}

function saidToCohere({ preambleOverride, chatHistory, message, toolResults }: CohereRequest): Said[] {
  const said: Said[] = typeof preambleOverride === 'string' ? [speech('system', [preambleOverride])] : [];
  for (const turn of chatHistory ?? []) {
    if (turn.role === 'TOOL') said.push(...resultsOf(turn.toolResults));
    else if (turn.role === 'CHATBOT') {
      said.push(speech('assistant', [turn.message ?? ''], { calls: (turn.toolCalls ?? []).map(cohereCall) }));
    } else said.push(speech(turn.role === 'USER' ? 'user' : 'system', [turn.message]));
  }
  if (toolResults) said.push(...resultsOf(toolResults));
  if (!toolResults || message !== '') said.push(speech('user', [message]));
  return said;
}

function resultsOf(results: NonNullable<CohereRequest['toolResults']>): Said[] {
  return results.map(({ call, outputs }) => ({ who: 'tool', call: cohereCall(call), result: outputs }));
}

function cohereCall(call: { readonly name: string; readonly parameters: unknown }): Call {
  return { name: call.name, arguments: call.parameters };
}

function pictureOf({ url, detail }: { readonly url: string; readonly detail?: string | null | undefined }): Picture {
  return { url, detail: detail?.toLowerCase() ?? null };
}

function unknownPart(type: string): never {
  throw new Error(`No conversation of these tests holds a part of type ${type}.`);
}
