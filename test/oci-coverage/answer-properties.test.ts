import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readWhole } from '../../services/worker/src/providers/oci/chat-format.ts';
import { chatFormats } from '../../services/worker/src/providers/oci/chat-formats.ts';
import { ChatStream } from '../../services/worker/src/providers/oci/chat-stream.ts';
import type { ProviderEvent } from '../../services/worker/src/providers/provider.ts';
import { answerThroughSurface } from './answer-through-surface.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import { formats, json, name, runs, words } from './arbitrary.ts';
import { streamedAnswer, wholeAnswer } from './wire-answer.ts';
import type { Choose, MeantAnswer } from './wire-answer.ts';

const choice = fc.record({
  reasoning: fc.array(words, { maxLength: 4 }),
  text: fc.array(words, { maxLength: 5 }),
  calls: fc.array(fc.record({ name, arguments: json }), { maxLength: 3 }),
});
const count = fc.nat(100_000);
const counts = fc.record({ prompt: count, written: count, thought: count, cached: count });
const usageStyle = fc.constantFrom('inside' as const, 'outside' as const, 'sparse' as const);
const manner = fc.array(fc.nat(1_000), { minLength: 40, maxLength: 40 });

for (const { format, model, choicesMax } of formats) {
  const meant = fc.record({
    choices: fc.array(choice, { minLength: 1, maxLength: choicesMax }),
    counts,
    usageStyle,
  });

  test(`property: no text, thought, call or count of a ${format} answer by ${model} is lost, whole or streamed`, async () => {
    const kept = fc.asyncProperty(meant, manner, async (made, numbers) => {
      const answer = withIds(made, format);
      const expected = expectedOf(answer);
      for (const stream of [false, true]) {
        const events = stream ? readStream(format, answer, chooser(numbers)) : readAtOnce(format, answer);
        const got = await answerThroughSurface(events, stream);
        assert.deepEqual(comparable(got, format), comparable(expected, format), stream ? 'streamed' : 'whole');
      }
    });
    await fc.assert(kept, runs);
  });
}

function withIds(
  {
    choices,
    ...rest
  }: Omit<MeantAnswer, 'choices'> & {
    choices: (Omit<MeantAnswer['choices'][number], 'calls'> & {
      calls: { name: string; arguments: Record<string, unknown> }[];
    })[];
  },
  format: string,
): MeantAnswer {
  return {
    ...rest,
    counts: { ...rest.counts, cached: Math.min(rest.counts.cached, rest.counts.prompt) },
    choices: choices.map(({ reasoning, text, calls }, nth) => ({
      reasoning: format === 'COHERE' ? [] : reasoning,
      text,
      calls: calls.map((call, position) => ({ id: `call_${nth}_${position}`, ...call })),
    })),
  };
}

function expectedOf({ choices, counts: { prompt, written, thought, cached } }: MeantAnswer): ClientAnswer {
  return {
    choices: choices.map(({ reasoning, text, calls }) => ({
      text: text.join(''),
      reasoning: reasoning.join(''),
      refusal: '',
      calls: calls.map((call) => ({ ...call, arguments: JSON.stringify(call.arguments) })),
      logProbs: [],
      annotations: [],
      providerFields: {},
      finishReason: calls.length > 0 ? 'tool_calls' : 'stop',
    })),
    usage: {
      prompt_tokens: prompt,
      completion_tokens: written + thought,
      total_tokens: prompt + written + thought,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens_details: { reasoning_tokens: thought },
    },
  };
}

/** COHERE has no ids: ours are only to be different. */
function comparable(answer: ClientAnswer, format: string): ClientAnswer {
  const choices = answer.choices.map((each) => {
    assert.equal(new Set(each.calls.map(({ id }) => id)).size, each.calls.length);
    return { ...each, calls: each.calls.map((call) => (format === 'COHERE' ? { ...call, id: '' } : call)) };
  });
  return { ...answer, choices };
}

function reading() {
  let last = 0;
  return { newToolCallId: () => `minted${(last += 1)}`, topLogProbs: 0 };
}

function readAtOnce(format: (typeof formats)[number]['format'], answer: MeantAnswer): ProviderEvent[] {
  return readWhole(chatFormats[format], wholeAnswer(format, answer), reading());
}

function readStream(format: (typeof formats)[number]['format'], answer: MeantAnswer, choose: Choose): ProviderEvent[] {
  const bytes = streamedAnswer(format, answer, choose);
  const stream = new ChatStream(chatFormats[format].createReader({ ...reading(), isWhole: false }), null);
  const events: ProviderEvent[] = [];
  for (let at = 0; at < bytes.length && stream.state !== 'complete';) {
    const next = at + 1 + choose(90);
    stream.push(bytes.subarray(at, next), events);
    at = next;
  }
  if (stream.state !== 'complete') stream.end(events);
  return events;
}

function chooser(numbers: readonly number[]): Choose {
  let at = 0;
  return (below) => (numbers[at++ % numbers.length] ?? 0) % below;
}
