import type { ChatMessage, ContentPart } from '@sluice/shared/api/openai/chat-completion.ts';
import * as fc from 'fast-check';
import { jsonObject, name, text } from './arbitrary.ts';

/** What a conversation may hold that not every format can say. */
export interface Contents {
  readonly images: boolean;
  /** Arguments that are no JSON object. */
  readonly strangeArguments: boolean;
  /** The last message may be the assistant's. */
  readonly assistantLast: boolean;
}

type Texts = string | Extract<ContentPart, { type: 'text' }>[];

/** As one text or in parts. */
const texts: fc.Arbitrary<Texts> = fc.oneof(text, fc.array(textPart(), { minLength: 1, maxLength: 3 }));

function textPart() {
  return text.map((value) => ({ type: 'text' as const, text: value }));
}

const imagePart = fc
  .record({ nth: fc.nat(99), detail: fc.constantFrom('auto', 'low', 'high', undefined) })
  .map(({ nth, detail }) => ({
    type: 'image_url' as const,
    image_url: { url: `data:image/png;base64,${nth}`, ...(detail && { detail }) },
  }));

const refusalPart = text.map((refusal) => ({ type: 'refusal' as const, refusal }));

const system: fc.Arbitrary<ChatMessage> = fc.record({
  role: fc.constantFrom('system' as const, 'developer' as const),
  content: texts,
});

function user(images: boolean): fc.Arbitrary<ChatMessage> {
  const parts = images ? fc.oneof(textPart(), imagePart) : textPart();
  const content = fc.oneof(text, fc.array(parts, { minLength: 1, maxLength: 4 }));
  return fc.record({ role: fc.constant('user' as const), content });
}

const reply: fc.Arbitrary<Extract<ChatMessage, { role: 'assistant' }>> = fc.record({
  role: fc.constant('assistant' as const),
  content: fc.oneof(
    fc.constant(null),
    text,
    fc.array(fc.oneof(textPart(), refusalPart), { minLength: 1, maxLength: 3 }),
  ),
  refusal: fc.option(text),
  reasoning_content: fc.option(text),
});

/** Parallel calls with or without text beside them, and their results in any order. */
function round(strangeArguments: boolean): fc.Arbitrary<ChatMessage[]> {
  const strange = fc.constantFrom('{"a":', '[1]', '"text"', '1');
  const written = fc.oneof(
    { weight: 12, arbitrary: jsonObject },
    { weight: 1, arbitrary: fc.constant('') },
    { weight: strangeArguments ? 1 : 0, arbitrary: strange },
  );
  const call = fc.record({ name, written, result: texts, rank: fc.nat() });
  // Some models count the calls of each round from 0.
  const prefix = fc.constantFrom('call_', 'functions.weather:', 'é');
  return fc.record({ reply, prefix, calls: fc.array(call, { minLength: 1, maxLength: 3 }) }).map((made) => {
    const calls = made.calls.map((each, nth) => Object.assign({ id: `${made.prefix}${nth}` }, each));
    const results = calls.toSorted((one, other) => one.rank - other.rank);
    return [
      {
        ...made.reply,
        role: 'assistant' as const,
        tool_calls: calls.map(({ id, name: called, written: json }) => ({
          id,
          type: 'function' as const,
          function: { name: called, arguments: json },
        })),
      },
      ...results.map(({ id, result }) => ({ role: 'tool' as const, tool_call_id: id, content: result })),
    ];
  });
}

/** Any conversation that OpenAI's API takes. */
export function conversation({ images, strangeArguments, assistantLast }: Contents): fc.Arbitrary<ChatMessage[]> {
  const rounds = fc.array(round(strangeArguments), { maxLength: 2 });
  const turn = fc.record({ interjected: fc.option(system, { freq: 3 }), asked: user(images), rounds, replied: reply });
  return fc
    .record({
      lead: fc.array(system, { maxLength: 2 }),
      turns: fc.array(turn, { minLength: 1, maxLength: 3 }),
      end: fc.constantFrom('user', 'results', ...(assistantLast ? (['assistant'] as const) : [])),
    })
    .map(({ lead, turns, end }) => [
      ...lead,
      ...turns.flatMap(({ interjected, asked, rounds: made, replied }, nth) => {
        const isLast = nth === turns.length - 1;
        const begun = [...(interjected && nth > 0 ? [interjected] : []), asked];
        if (isLast && end === 'user') return begun;
        return isLast && end === 'results' ? [...begun, ...made.flat()] : [...begun, ...made.flat(), replied];
      }),
    ]);
}
