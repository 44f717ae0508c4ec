import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ToolCallAccumulator } from '../../../src/providers/chat/tool-call-accumulator.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, reading } from '../oci/fixtures.ts';

type Piece = readonly [id: string, name: string, args: string];
const cases: readonly { pieces: readonly Piece[]; calls: readonly Piece[]; why: string }[] = [
  { pieces: [['a', 'f', '{"x":1}']], calls: [['a', 'f', '{"x":1}']], why: 'one piece' },
  {
    pieces: [
      ['a', 'f', ''],
      ['', '', '{"x"'],
      ['', '', ':1}'],
    ],
    calls: [['a', 'f', '{"x":1}']],
    why: 'vLLM and GPT: id and name only at first',
  },
  {
    pieces: [
      ['a', 'f', '{}'],
      ['b', 'f', '{}'],
    ],
    calls: [
      ['a', 'f', '{}'],
      ['b', 'f', '{}'],
    ],
    why: 'Grok: a call per event, the same function twice',
  },
  {
    pieces: [
      ['a', 'f', ''],
      ['b', 'g', ''],
      ['', '', '{"y":2}'],
    ],
    calls: [
      ['a', 'f', '{}'],
      ['b', 'g', '{"y":2}'],
    ],
    why: 'a call without arguments, then another',
  },
  {
    pieces: [
      ['a', 'f', '{'],
      ['a', 'f', '}'],
    ],
    calls: [['a', 'f', '{}']],
    why: 'the same id again goes on',
  },
  {
    pieces: [
      ['a', 'f', '{"x":'],
      ['b', 'g', '{"y":'],
      ['a', '', '1}'],
      ['b', '', '2}'],
    ],
    calls: [
      ['a', 'f', '{"x":1}'],
      ['b', 'g', '{"y":2}'],
    ],
    why: 'interleaved by id',
  },
  {
    pieces: [
      ['', 'f', '{"x":1}'],
      ['', 'f', '{"x":2}'],
    ],
    calls: [
      ['id1', 'f', '{"x":1}'],
      ['id2', 'f', '{"x":2}'],
    ],
    why: 'Gemini: no ids, so one is made per name',
  },
  {
    pieces: [
      ['', 'f', ''],
      ['', 'g', ''],
    ],
    calls: [
      ['id1', 'f', '{}'],
      ['id2', 'g', '{}'],
    ],
    why: 'no ids and no arguments, but another name',
  },
  {
    pieces: [
      ['', 'f', ''],
      ['late', '', '{"x":1}'],
    ],
    calls: [['id1', 'f', '{"x":1}']],
    why: 'an id that comes late does not open a call without a name',
  },
  {
    pieces: [
      ['a', '', ''],
      ['', 'f', ''],
      ['', '', '{"x":1}'],
    ],
    calls: [['a', 'f', '{"x":1}']],
    why: 'the name comes after the id',
  },
  {
    pieces: [
      ['a', '', '{"x"'],
      ['', 'f', ':1}'],
    ],
    calls: [
      ['a', '', '{"x"'],
      ['id1', 'f', ':1}'],
    ],
    why: 'a name behind arguments opens a call, as the rule says',
  },
  { pieces: [], calls: [], why: 'none' },
];

for (const { pieces, calls, why } of cases) {
  test(`tool calls: ${why}`, () => {
    const accumulator = new ToolCallAccumulator(0, reading());
    const events: ProviderEvent[] = [];
    for (const [id, name, text] of pieces) accumulator.add([{ id, name, arguments: text }], events);
    accumulator.end(events);
    const expected = calls.map(([id, name, text]) => ({ id, name, arguments: text }));
    assert.deepEqual(assemble(events).choices[0]?.toolCalls ?? [], expected);
    assert.equal(accumulator.isEmpty, calls.length === 0);

    const named = events.filter((event) => event.type === 'tool-call-delta' && event.id !== undefined);
    assert.equal(named.length, calls.length, 'id and name come once, with the first piece');
  });
}

const same = { id: '', name: 'f', arguments: '' };
for (const { isWhole, events: eventsOf, why } of [
  { isWhole: true, events: [[same, same]], why: 'a whole answer has a call per entry' },
  { isWhole: false, events: [[same, same]], why: 'an event with two names has two calls' },
]) {
  test(`tool calls: ${why}, however alike they are`, () => {
    const accumulator = new ToolCallAccumulator(0, reading(isWhole));
    const events: ProviderEvent[] = [];
    for (const fragments of eventsOf) accumulator.add(fragments, events);
    accumulator.end(events);
    assert.deepEqual(assemble(events).choices[0]?.toolCalls, [
      { id: 'id1', name: 'f', arguments: '{}' },
      { id: 'id2', name: 'f', arguments: '{}' },
    ]);
  });
}
