import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser, SseTooLongError, sseEventCharsMax } from '../../../src/providers/http/sse.ts';

function parse(...parts: Buffer[]): string[] {
  const parser = new SseParser();
  return [...parts.flatMap((part) => parser.push(part)), ...parser.end()];
}

const cases = [
  { bytes: 'data: {"a":1}\n\ndata: {"b":2}\n\n', events: ['{"a":1}', '{"b":2}'], why: 'two events' },
  { bytes: 'data: a\r\n\r\ndata: b\r\n\r\n', events: ['a', 'b'], why: 'CRLF' },
  { bytes: 'data:a\n\n', events: ['a'], why: 'no space behind the colon' },
  { bytes: 'data:  a\n\n', events: [' a'], why: 'only one space is taken away' },
  { bytes: 'data: a\ndata: b\n\n', events: ['a\nb'], why: 'several data lines are one event' },
  { bytes: 'data\ndata: b\n\n', events: ['\nb'], why: 'a data line without a colon is empty' },
  { bytes: ': ping\n\n: ping\n\ndata: a\n\n', events: ['a'], why: 'comments are no events' },
  { bytes: 'event: x\nid: 7\nretry: 1\ndata: a\n\n', events: ['a'], why: 'other fields are skipped' },
  { bytes: 'database: x\n\ndata: a\n\n', events: ['a'], why: 'a field that only begins like data is skipped' },
  { bytes: 'data: a\n\n\n\n\ndata: b\n\n', events: ['a', 'b'], why: 'more blank lines than needed' },
  { bytes: '\uFEFFdata: a\n\n', events: ['a'], why: 'a byte order mark' },
  { bytes: 'data: a', events: ['a'], why: 'the last line break is missing' },
  { bytes: 'data: a\n', events: ['a'], why: 'the last blank line is missing' },
  { bytes: 'data:\n\n', events: [''], why: 'an empty event' },
  { bytes: '', events: [], why: 'nothing' },
];
for (const { bytes, events, why } of cases) {
  test(`sse: ${why}`, () => assert.deepEqual(parse(Buffer.from(bytes)), events));
}

test('sse: the events do not depend on where the bytes are cut', () => {
  const sample = Buffer.from(': hi\r\n\r\ndata: {"t":"Zürich 👋🏽 日本"}\r\n\r\ndata:b\ndata: é\n\ndata: [DONE]\n\n');
  const expected = parse(sample);
  assert.deepEqual(expected, ['{"t":"Zürich 👋🏽 日本"}', 'b\né', '[DONE]']);
  for (let first = 0; first <= sample.length; first += 1) {
    assert.deepEqual(parse(sample.subarray(0, first), sample.subarray(first)), expected, `cut at ${first}`);
    for (let second = first; second <= sample.length; second += 7) {
      const parts = [sample.subarray(0, first), sample.subarray(first, second), sample.subarray(second)];
      assert.deepEqual(parse(...parts), expected, `cut at ${first} and ${second}`);
    }
  }
  assert.deepEqual(parse(...Array.from(sample, (byte) => Buffer.of(byte))), expected, 'byte by byte');
});

test('sse: a line without end is refused before it fills the memory', () => {
  const parser = new SseParser();
  const part = Buffer.alloc(256 * 1024, 'x');
  const pushed = (): void => {
    for (let size = 0; size <= sseEventCharsMax; size += part.length) parser.push(part);
  };
  assert.throws(pushed, SseTooLongError);
});

test('sse: an event of endless lines is refused too', () => {
  const parser = new SseParser();
  const line = Buffer.from(`data: ${'x'.repeat(256 * 1024)}\n`);
  const pushed = (): void => {
    for (let size = 0; size <= sseEventCharsMax; size += line.length) parser.push(line);
  };
  assert.throws(pushed, SseTooLongError);
});
