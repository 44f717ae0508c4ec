import type { ServerResponse } from 'node:http';

/** Waits on behalf of one response. Every wait ends at once when the client has left. */
export interface Pace {
  gone(): boolean;
  wait(ms: number): Promise<void>;
  /** Until the socket takes more. */
  untilDrained(): Promise<void>;
  untilGone(): Promise<void>;
}

/** It listens only while something waits, so it costs nothing to a call that does not. */
export function createPace(response: ServerResponse): Pace {
  const gone = (): boolean => response.destroyed;
  const untilEvent = (event: 'close' | 'drain'): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        response.off(event, wake);
        response.off('close', wake);
        resolve();
      };
      response.on(event, wake);
      if (event !== 'close') response.on('close', wake);
    });

  return {
    gone,
    wait: async (ms) => {
      if (ms <= 0 || gone()) return;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          response.off('close', wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        response.on('close', wake);
      });
    },
    untilDrained: async () => {
      if (!gone() && response.writableNeedDrain) await untilEvent('drain');
    },
    untilGone: async () => {
      if (!gone()) await untilEvent('close');
    },
  };
}
