import type { Answer } from '../oci-simulator/answer.ts';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import { groupsOf } from '../oci-simulator/formats/chat-format.ts';
import type { Frame, Outcome } from '../oci-simulator/formats/chat-format.ts';

export interface MessageOptions {
  readonly id: string;
  readonly model: string;
}

/** A whole message. */
export function messageOf(outcome: Outcome, options: MessageOptions): object {
  const [answer] = outcome.answers;
  return {
    ...headOf(options),
    content: answer ? contentOf(answer) : [],
    stop_reason: answer ? stopReasonOf(answer) : 'end_turn',
    stop_sequence: null,
    usage: { ...inputUsage(outcome), ...outputUsage(answer) },
  };
}

/** The same as a stream: block by block, the usage of the output with the reason at the end. */
export function messageFrames(outcome: Outcome, { tokensPerEvent }: Behaviour, options: MessageOptions): Frame[] {
  const [answer] = outcome.answers;
  const frames: Frame[] = [];
  const send = (type: string, fields: object, tokens = 0): void => {
    // The order of the fields within an event means nothing.
    frames.push({ payload: `${JSON.stringify({ type, ...fields })}\nevent: ${type}`, tokens });
  };
  let index = 0;
  const block = (
    start: object,
    deltas: readonly { readonly delta: object; readonly tokens: number }[],
    tokens = 0,
  ): void => {
    send('content_block_start', { index, content_block: start }, tokens);
    for (const { delta, tokens: count } of deltas) send('content_block_delta', { index, delta }, count);
    send('content_block_stop', { index });
    index += 1;
  };
  const message = { ...headOf(options), content: [], stop_reason: null, stop_sequence: null };
  send('message_start', { message: { ...message, usage: { ...inputUsage(outcome), output_tokens: 1 } } });
  send('ping', {});
  if (answer) {
    const pieces = (list: readonly string[], deltaOf: (text: string) => object) =>
      groupsOf(list, tokensPerEvent).map((group) => ({ delta: deltaOf(group.join('')), tokens: group.length }));
    if (answer.reasoning.length > 0) {
      const thoughts = pieces(answer.reasoning, (thinking) => ({ type: 'thinking_delta', thinking }));
      const signed = { delta: { type: 'signature_delta', signature: 'c2lnbmVk' }, tokens: 0 };
      block({ type: 'thinking', thinking: '', signature: '' }, [...thoughts, signed]);
    }
    if (answer.text.length > 0) {
      block(
        { type: 'text', text: '' },
        pieces(answer.text, (text) => ({ type: 'text_delta', text })),
      );
    }
    for (const call of answer.toolCalls) {
      const start = { type: 'tool_use', id: `toolu_${call.idHex}`, name: call.name, input: {} };
      const nothing = { delta: { type: 'input_json_delta', partial_json: '' }, tokens: 0 };
      const input = pieces(call.arguments, (json) => ({ type: 'input_json_delta', partial_json: json }));
      block(start, [nothing, ...input], call.tokens - call.arguments.length);
    }
  }
  const delta = { stop_reason: answer ? stopReasonOf(answer) : 'end_turn', stop_sequence: null };
  send('message_delta', { delta, usage: outputUsage(answer) });
  send('message_stop', {});
  return frames;
}

function headOf({ id, model }: MessageOptions): object {
  return { id, type: 'message', role: 'assistant', model };
}

function contentOf({ reasoning, text, toolCalls }: Answer): object[] {
  return [
    ...(reasoning.length > 0 ? [{ type: 'thinking', thinking: reasoning.join(''), signature: 'c2lnbmVk' }] : []),
    ...(text.length > 0 ? [{ type: 'text', text: text.join('') }] : []),
    ...toolCalls.map((call) => ({
      type: 'tool_use',
      id: `toolu_${call.idHex}`,
      name: call.name,
      input: inputOf(call.arguments.join('')),
    })),
  ];
}

/** Arguments that the limit cut are no object; a whole answer has none of them then. */
function inputOf(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return {};
  }
}

function stopReasonOf(answer: Answer): string {
  if (answer.cut) return 'max_tokens';
  return answer.toolCalls.length > 0 ? 'tool_use' : 'end_turn';
}

/** What the cache gave is not among `input_tokens`. */
function inputUsage({ promptTokens, cachedTokens }: Outcome): object {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    service_tier: 'standard',
  };
}

function outputUsage(answer: Answer | undefined): object {
  const thinking = answer?.reasoning.length ?? 0;
  return {
    output_tokens: answer?.tokens ?? 0,
    ...(thinking > 0 && { output_tokens_details: { thinking_tokens: thinking } }),
  };
}
