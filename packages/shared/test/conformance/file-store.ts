import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { filePieceBytesMax } from '../../src/ports/file-store.ts';
import type { FileStore } from '../../src/ports/file-store.ts';

interface OpenStore extends AsyncDisposable {
  readonly store: FileStore;
}

const newName = () => `file-${randomUUID()}`;
const piece = filePieceBytesMax;

/** What every adapter of the file store promises. */
export function fileStoreConformance(name: string, open: () => Promise<OpenStore>): void {
  const promise = (what: string, body: (store: FileStore) => Promise<void>): void => {
    test(`${name} files: ${what}`, async () => {
      await using opened = await open();
      await body(opened.store);
    });
  };

  promise('what is put is what is read, whatever its size and the size of its parts', async (store) => {
    const sizes = [0, 1, 1_000, piece - 1, piece, piece + 1, 3 * piece, 6 * 1024 * 1024 + 5];
    for (const size of sizes) {
      const bytes = randomBytes(size);
      for (const part of [777, piece, 1_000_003]) {
        if (part === 777 && size > piece + 1) continue;
        const file = newName();
        assert.equal(await store.put(file, partsOf(bytes, part)), size);
        assert.ok(bytes.equals(await readAll(store, file)), `${size} bytes in parts of ${part}`);
      }
    }
  });

  promise('a range is its bytes, and what is behind the end is nothing', async (store) => {
    const bytes = randomBytes(2 * piece + 100);
    const whole = randomBytes(2 * piece);
    const [file, even, empty] = [newName(), newName(), newName()];
    await store.put(file, partsOf(bytes, 50_000));
    await store.put(even, partsOf(whole, 50_000));
    await store.put(empty, partsOf(Buffer.alloc(0), 1));
    const ranges = [
      { from: 0, to: 1 },
      { from: 5, to: 17 },
      { from: piece - 1, to: piece + 1 },
      { from: piece, to: 2 * piece },
      { from: 100, to: 2 * piece + 50 },
      { from: 2 * piece + 99 },
      { to: piece },
      { from: 2 * piece, to: 100 * piece },
      { from: 2 * piece + 100 },
      { from: 50 * piece },
      { from: 50 * piece, to: 51 * piece },
      { from: 7, to: 7 },
      { from: 9, to: 7 },
    ];
    for (const range of ranges) {
      const { from = 0, to = Infinity } = range;
      for (const [stored, content] of [
        [file, bytes],
        [even, whole],
        [empty, Buffer.alloc(0)],
      ] as const) {
        const expected = content.subarray(from, Math.max(from, Math.min(to, content.length)));
        assert.ok(expected.equals(await readAll(store, stored, range)), `${content.length}: ${JSON.stringify(range)}`);
      }
    }
  });

  promise('there is no file before all of it is there, and none whose bytes end in an error', async (store) => {
    const file = newName();
    const broken = new Error('the client has left');
    const bytes = async function* () {
      for (let nth = 0; nth < 40; nth += 1) yield randomBytes(piece);
      for (const range of [{}, { from: piece, to: piece + 5 }]) await assert.rejects(readAll(store, file, range));
      throw broken;
    };
    await assert.rejects(store.put(file, bytes()), broken);
    for (const range of [{}, { from: piece, to: piece + 5 }]) await assert.rejects(readAll(store, file, range));
    await store.delete(file);
    assert.equal(await store.put(file, partsOf(Buffer.from('again'), 2)), 5, 'deleting removed what was there of it');
    assert.equal(String(await readAll(store, file)), 'again');
  });

  promise('a signal ends a file, even one whose bytes do not come', async (store) => {
    const reason = new Error('stopped');
    const stopping = new AbortController();
    const file = newName();
    const bytes = async function* () {
      yield randomBytes(piece + 1);
      queueMicrotask(() => stopping.abort(reason));
      await new Promise(() => {}); // for ever
    };
    await assert.rejects(store.put(file, bytes(), { signal: stopping.signal }), reason);
    await assert.rejects(store.put(file, partsOf(Buffer.from('x'), 1), { signal: stopping.signal }), reason);
    await assert.rejects(readAll(store, file));
  });

  promise(
    'what is deleted is gone, in the middle of being read too, and deleting it again is no error',
    async (store) => {
      const [file, other] = [newName(), newName()];
      await store.put(file, partsOf(randomBytes(40 * piece), piece));
      await store.put(other, partsOf(Buffer.from('stays'), 5));
      const reading = async () => {
        for await (const _ of store.read(file)) await store.delete(file);
      };
      await assert.rejects(reading());
      await assert.rejects(readAll(store, file));
      await assert.rejects(readAll(store, file, { from: 39 * piece }));
      await store.delete(file);
      await store.delete(newName());
      assert.equal(String(await readAll(store, other)), 'stays');
    },
  );

  promise('no more of a file is asked for than a few pieces ahead of what is stored or read', async (store) => {
    const size = 128 * 1024 * 1024;
    const file = newName();
    const written = createHash('sha256');
    const part = randomBytes(1024 * 1024);
    const before = process.memoryUsage();
    let most = 0;
    const watch = () => {
      const { rss } = process.memoryUsage();
      most = Math.max(most, rss - before.rss);
    };
    const bytes = async function* () {
      for (let at = 0; at < size; at += part.length) {
        part.writeUInt32LE(at, 0);
        written.update(part);
        watch();
        yield Buffer.from(part);
      }
    };
    assert.equal(await store.put(file, bytes()), size);
    const read = createHash('sha256');
    for await (const given of store.read(file)) {
      assert.ok(given.length <= piece);
      read.update(given);
      watch();
    }
    assert.equal(read.digest('hex'), written.digest('hex'));
    assert.ok(most < 100 * 1024 * 1024, `${Math.round(most / 1024 / 1024)} MiB more than before`);
  });

  promise('it answers', (store) => store.ping());
}

async function* partsOf(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(store: FileStore, file: string, range?: { from?: number; to?: number }): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of store.read(file, range)) pieces.push(bytes);
  return Buffer.concat(pieces);
}
