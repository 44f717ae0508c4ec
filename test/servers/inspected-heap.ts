import { z } from 'zod';

/** What a process holds, once its garbage is collected. */
export interface InspectedHeap extends Disposable {
  /** Objects and buffers, in bytes. */
  usedBytes(): Promise<number>;
}

const Targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })]);
const Reply = z.object({ id: z.number(), result: z.unknown() });
const HeapUsage = z.object({ usedSize: z.number(), backingStorageSize: z.number() });

/** @param port that the process was given with `--inspect=127.0.0.1:<port>`; it speaks the DevTools protocol */
export async function openInspectedHeap(port: number): Promise<InspectedHeap> {
  const [target] = Targets.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = Reply.parse(JSON.parse(String(data)));
    waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.values()) reject(new Error(`the process behind port ${port} has ended`));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error(`no inspector on port ${port}`)), { once: true });
  });
  const call = (method: string) => {
    const reply = Promise.withResolvers<unknown>();
    last += 1;
    waiting.set(last, reply);
    socket.send(JSON.stringify({ id: last, method }));
    return reply.promise;
  };
  return {
    async usedBytes() {
      await call('HeapProfiler.collectGarbage');
      const { usedSize, backingStorageSize } = HeapUsage.parse(await call('Runtime.getHeapUsage'));
      return usedSize + backingStorageSize;
    },
    [Symbol.dispose]: () => socket.close(),
  };
}
