import type { WriteStream } from 'node:tty';
import type { BatchObject } from '@sluice/shared/api/openai/batch-object.ts';
import { Presets, SingleBar } from 'cli-progress';
import { describeProgress } from './describe-batch.ts';

/** Shows how far a batch is. */
export interface Progress extends Disposable {
  show(batch: BatchObject): void;
  /** A sentence in between. */
  say(text: string): void;
}

/** Without a terminal: how often a line is printed of which only the numbers have changed. */
const plainEveryMs = 10_000;

/** A bar on a terminal, and plain lines for everything else. */
export function openProgress(stream: WriteStream, now: () => number = Date.now): Progress {
  return stream.isTTY ? barOn(stream) : linesOn(stream, now);
}

function barOn(stream: WriteStream): Progress {
  const format = '{status} {bar} {percentage}% {progress}';
  const bar = new SingleBar(
    { stream, format, barsize: 24, gracefulExit: false, linewrap: true, hideCursor: true },
    Presets.rect,
  );
  return {
    show(batch) {
      const { total, completed, failed } = batch.request_counts;
      const shown = { status: batch.status, progress: describeProgress(batch) };
      if (!bar.isActive) bar.start(total, completed + failed, shown);
      bar.setTotal(total);
      bar.update(completed + failed, shown);
    },
    say(text) {
      bar.stop();
      stream.write(`${text}\n`);
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}

function linesOn(stream: Pick<WriteStream, 'write'>, now: () => number): Progress {
  let last = { text: '', kind: '', at: Number.NEGATIVE_INFINITY };
  return {
    show(batch) {
      const text = `${batch.status}: ${describeProgress(batch)}`;
      const kind = `${batch.status} ${batch.sluice?.paused_reason ?? ''}`;
      if (text === last.text || (kind === last.kind && now() - last.at < plainEveryMs)) return;
      last = { text, kind, at: now() };
      stream.write(`${text}\n`);
    },
    say: (text) => void stream.write(`${text}\n`),
    [Symbol.dispose]: () => undefined,
  };
}
