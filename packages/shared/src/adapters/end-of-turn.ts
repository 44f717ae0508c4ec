import type { Socket } from 'node:net';

/**
 * What leaves the process at the end of a turn of the event loop, in this order: first what is written down, with what
 * was gathered for it in the turn, then what is announced. So nothing that a connection below was given in a turn can
 * be overtaken by an announcement of the same turn, and a process that dies has announced nothing that it had not
 * written down.
 *
 * On a busy connection a system call per message costs more than all that is done to prepare it, on both ends of
 * the wire.
 */
let gathered: (() => void)[] = [];
let written: Pick<Socket, 'uncork'>[] = [];
let announcements: (() => void)[] = [];
let isDue = false;

function due(): void {
  if (isDue) return;
  isDue = true;
  setImmediate(() => {
    const writers = gathered;
    gathered = [];
    for (const write of writers) write();
    isDue = false;
    const sockets = written;
    const tasks = announcements;
    written = [];
    announcements = [];
    for (const socket of sockets) socket.uncork();
    for (const task of tasks) task();
  });
}

/** From now on all that is written to `socket` in one turn leaves in one system call, when the turn ends. */
export function writeAtEndOfTurn(socket: Pick<Socket, 'write' | 'cork' | 'uncork'>): void {
  let corked = false;
  const write = socket.write.bind(socket);
  const target = {
    uncork: () => {
      corked = false;
      socket.uncork();
    },
  };
  const writeCorked = (...args: Parameters<typeof write>) => {
    if (!corked) {
      corked = true;
      socket.cork();
      written.push(target);
      due();
    }
    return write(...args);
  };
  Object.assign(socket, { write: writeCorked });
}

/** Runs `write` when the turn ends, to write in one piece what many have asked for. It must not throw. */
export function writeGathered(write: () => void): void {
  gathered.push(write);
  due();
}

/** Runs `task` when the turn ends, after those that came before it. It must not throw. */
export function announceAtEndOfTurn(task: () => void): void {
  announcements.push(task);
  due();
}
