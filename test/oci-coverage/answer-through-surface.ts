import { tokenFrameCodec } from '@sluice/shared/contracts/token-event.ts';
import type { ContentEvent, TokenEvent, Usage } from '@sluice/shared/contracts/token-event.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import { z } from 'zod';
import { createAnswerSummary } from '../../services/ingress/src/stream/answer-summary.ts';
import { chatStream } from '../../services/ingress/src/surfaces/openai/chat-stream.ts';
import { collectCompletion } from '../../services/ingress/src/surfaces/openai/collect-completion.ts';
import { createAnswerWriter } from '../../services/worker/src/pipeline/answer-writer.ts';
import type { ProviderEvent } from '../../services/worker/src/providers/provider.ts';

const LogProbs = z.looseObject({ content: z.array(z.looseObject({ token: z.string(), logprob: z.number() })) });
const Call = z.object({ id: z.string(), name: z.string(), arguments: z.string() });

/** What a client has in hand at the end, whichever way it asked. */
export const ClientAnswer = z.object({
  choices: z.array(
    z.object({
      text: z.string(),
      reasoning: z.string(),
      refusal: z.string(),
      calls: z.array(Call),
      logProbs: z.array(z.looseObject({ token: z.string(), logprob: z.number() })),
      annotations: z.array(z.unknown()),
      providerFields: z.record(z.string(), z.unknown()),
      finishReason: z.string().nullable(),
    }),
  ),
  usage: z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }).nullable(),
});
export type ClientAnswer = z.infer<typeof ClientAnswer>;

const Fields = {
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  refusal: z.string().nullish(),
  annotations: z.array(z.unknown()).nullish(),
  provider_specific_fields: z.record(z.string(), z.unknown()).nullish(),
};
const WholeCall = z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) });
const Completion = z.looseObject({
  choices: z.array(
    z.looseObject({
      index: z.int(),
      message: z.looseObject({ ...Fields, tool_calls: z.array(WholeCall).nullish() }),
      logprobs: LogProbs.nullable(),
      finish_reason: z.string(),
    }),
  ),
  usage: ClientAnswer.shape.usage,
});
const CallPiece = z.object({
  index: z.int(),
  id: z.string().optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
});
const Chunk = z.looseObject({
  choices: z.array(
    z.looseObject({
      index: z.int(),
      delta: z.looseObject({ ...Fields, tool_calls: z.array(CallPiece).nullish() }),
      logprobs: LogProbs.nullable(),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: ClientAnswer.shape.usage.optional(),
});

/**
 * A provider's events as the client of OpenAI's surface gets them: cut into frames and through their codec, as
 * between worker and ingress, then as one JSON body or as a stream of chunks.
 */
export async function answerThroughSurface(events: readonly ProviderEvent[], stream: boolean): Promise<ClientAnswer> {
  const delivered = framed(events, stream);
  return stream ? fromStream(delivered) : fromWhole(delivered);
}

function framed(events: readonly ProviderEvent[], stream: boolean): TokenEvent[] {
  const isContent = (event: ProviderEvent): event is ContentEvent =>
    event.type !== 'accepted' && event.type !== 'usage';
  const none: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  const usage = events.findLast((event) => event.type === 'usage')?.usage ?? none;
  const delivered: TokenEvent[] = [];
  const publish = (_address: string, frame: Parameters<typeof tokenFrameCodec.encode>[0]) => {
    delivered.push(...tokenFrameCodec.decode(tokenFrameCodec.encode(frame)).events);
  };
  const requestId = RequestId.parse('chatcmpl-coverage');
  const writer = createAnswerWriter({ publish }, { replyTo: 'inbox', requestId, attempt: 1, stream });
  for (const event of events.filter(isContent)) writer.write([event]);
  writer.end({ type: 'answer-end', usage, costNanoUsd: 0 });
  return delivered;
}

async function fromWhole(events: readonly TokenEvent[]): Promise<ClientAnswer> {
  const batches = (async function* () {
    yield events;
  })();
  const body = await collectCompletion(batches, createAnswerSummary('sample'), { id: 'chatcmpl-1', created: 0 });
  const { choices, usage } = Completion.parse(JSON.parse(JSON.stringify(body)));
  return {
    usage,
    choices: choices.map(({ message, logprobs, finish_reason: finishReason }) => ({
      text: message.content ?? '',
      reasoning: message.reasoning_content ?? '',
      refusal: message.refusal ?? '',
      calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: json } }) => ({
        id,
        name,
        arguments: json,
      })),
      logProbs: logprobs?.content ?? [],
      annotations: message.annotations ?? [],
      providerFields: message.provider_specific_fields ?? {},
      finishReason,
    })),
  };
}

/** As OpenAI's clients put chunks together. */
function fromStream(events: readonly TokenEvent[]): ClientAnswer {
  const surface = chatStream({ id: 'chatcmpl-1', created: 0, alias: 'sample', includeUsage: true }, () => {});
  let bytes = '';
  for (const event of events) {
    if (event.type === 'answer-end') bytes += surface.end(event.usage);
    else if (event.type !== 'answer-start' && event.type !== 'answer-error') bytes += surface.content(event);
  }
  const payloads = bytes.split('\n\n').map((frame) => frame.replace(/^data: /, ''));
  if (payloads.at(-2) !== '[DONE]') throw new Error('The stream does not end with [DONE].');

  const answer: ClientAnswer = { choices: [], usage: null };
  for (const payload of payloads.slice(0, -2)) {
    const chunk = Chunk.parse(JSON.parse(payload));
    answer.usage = chunk.usage ?? answer.usage;
    for (const piece of chunk.choices) addPiece((answer.choices[piece.index] ??= emptyChoice()), piece);
  }
  return answer;
}

type Choice = ClientAnswer['choices'][number];

function addPiece(choice: Choice, { delta, logprobs, finish_reason }: z.infer<typeof Chunk>['choices'][number]): void {
  choice.text += delta.content ?? '';
  choice.reasoning += delta.reasoning_content ?? '';
  choice.refusal += delta.refusal ?? '';
  choice.logProbs.push(...(logprobs?.content ?? []));
  choice.annotations.push(...(delta.annotations ?? []));
  for (const [name, value] of Object.entries(delta.provider_specific_fields ?? {})) {
    const known = choice.providerFields[name];
    choice.providerFields[name] = Array.isArray(known) && Array.isArray(value) ? known.concat(value) : value;
  }
  for (const { index, id, function: piece } of delta.tool_calls ?? []) {
    const call = (choice.calls[index] ??= { id: id ?? '', name: piece.name ?? '', arguments: '' });
    call.arguments += piece.arguments;
  }
  choice.finishReason = finish_reason ?? choice.finishReason;
}

function emptyChoice(): Choice {
  return {
    text: '',
    reasoning: '',
    refusal: '',
    calls: [],
    logProbs: [],
    annotations: [],
    providerFields: {},
    finishReason: null,
  };
}
