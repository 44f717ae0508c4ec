import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { createDecoder } from '../../../src/providers/http/decoder.ts';

const texts = ['data: one\n\n', '', 'data: 水門\n\n', `data: ${'x'.repeat(300_000)}\n\n`, 'data: [DONE]\n\n'];

async function decoded(encoding: string, parts: readonly Buffer[]): Promise<string> {
  const decoder = createDecoder(encoding);
  assert.ok(decoder);
  const bytes: Buffer[] = [];
  decoder.on('data', (part: Buffer) => bytes.push(part));
  const ended = once(decoder, 'end');
  for (const part of parts) decoder.write(part);
  decoder.end();
  await ended;
  return Buffer.concat(bytes).toString();
}

for (const [encoding, compress] of [
  ['gzip', (text: string) => gzipSync(text)],
  ['zstd', (text: string) => zstdCompressSync(text)],
] as const) {
  const frames = texts.map(compress);
  const all = Buffer.concat(frames);

  test(`decoder: ${encoding} in several frames, each in a write, all in one`, async () => {
    assert.equal(await decoded(encoding, frames), texts.join(''));
    assert.equal(await decoded(encoding, [all]), texts.join(''));
  });

  test(`decoder: ${encoding} in several frames, cut anywhere`, async () => {
    for (let cut = 1; cut < all.length; cut += 1) {
      assert.equal(await decoded(encoding, [all.subarray(0, cut), all.subarray(cut)]), texts.join(''), `cut at ${cut}`);
    }
    const bytes = Array.from(all, (byte) => Buffer.from([byte]));
    assert.equal(await decoded(encoding, bytes), texts.join(''));
  });

  test(`decoder: ${encoding} gives each frame when it has come, the body still open`, async () => {
    const decoder = createDecoder(encoding);
    assert.ok(decoder);
    for (const nth of [0, 2, 4]) {
      const arrived: Promise<unknown[]> = once(decoder, 'data');
      decoder.write(frames[nth]);
      assert.equal(String(await arrived), texts[nth]);
    }
    decoder.destroy();
  });

  test(`decoder: ${encoding} that breaks off, or is none, is an error`, async () => {
    await assert.rejects(decoded(encoding, [all.subarray(0, all.length - 9)]));
    await assert.rejects(decoded(encoding, [Buffer.from('no frame at all')]));
  });
}

test('decoder: zstd with something else behind it is an error', () =>
  assert.rejects(decoded('zstd', [Buffer.concat([zstdCompressSync('a'), Buffer.from('garbage')])])));
