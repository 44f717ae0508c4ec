import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { waitUntil } from './wait-until.ts';

export interface ChildOptions {
  command: string;
  args: readonly string[];
  /** Running means: this has been printed, or this port of 127.0.0.1 takes connections. */
  ready: { line: RegExp } | { port: number };
  readyDeadlineMs?: number;
  /** What asks it to end well; after `stopDeadlineMs` comes SIGKILL. */
  stopSignal?: 'SIGTERM' | 'SIGINT';
  stopDeadlineMs?: number;
  /** What it gets when this process dies first, however that happens. */
  orphanSignal?: OrphanSignal;
  /** Puts it out of reach of the terminal's Ctrl-C, so that this process can end it when it is no longer needed. */
  ownGroup?: boolean;
  /** How much of its output is kept, in UTF-16 units; 64 Ki if it does not say. */
  outputMax?: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number | undefined;
  gid?: number | undefined;
}

type OrphanSignal = 'SIGKILL' | 'SIGQUIT';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** The last of what it printed, on both streams. */
  output(): string;
  /** Sends a signal and does not wait. A child that has ended takes none. */
  signal(name: NodeJS.Signals): void;
  stop(): Promise<Exit>;
}

/**
 * Starts a program and resolves when it is ready. It never outlives this process.
 *
 * @throws Error with the program's output when it ends, or its deadline passes, before it is ready
 */
export async function openChild(options: ChildOptions): Promise<Child> {
  const { stopSignal = 'SIGTERM', stopDeadlineMs = 10_000 } = options;
  const process = launch(options);
  const exited = exitOf(process);
  const output = outputOf(process, options.outputMax ?? 65_536);
  await once(process, 'spawn');
  const { pid } = process;
  if (pid === undefined) throw new Error(`${options.command} has no process id.`);

  const child: Child = {
    pid,
    exited,
    output,
    signal: (name) => void process.kill(name),
    async stop() {
      process.kill(stopSignal);
      process.kill('SIGCONT'); // what is stopped could not hear it
      const giveUp = setTimeout(() => process.kill('SIGKILL'), stopDeadlineMs);
      try {
        return await exited;
      } finally {
        clearTimeout(giveUp);
      }
    },
    async [Symbol.asyncDispose]() {
      await child.stop();
    },
  };

  try {
    await untilReady(child, process, options);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function untilReady(child: Child, process: ChildProcess, { command, ready, readyDeadlineMs }: ChildOptions) {
  const isReady = async () => {
    if (process.exitCode !== null || process.signalCode !== null) return true; // never will be: see below
    return 'line' in ready ? ready.line.test(child.output()) : canConnect(ready.port);
  };
  try {
    await waitUntil(isReady, { what: 'ready', deadlineMs: readyDeadlineMs ?? 20_000 });
  } catch (cause) {
    throw new Error(`${command} did not get ready. It printed:\n${child.output()}`, { cause });
  }
  const { exitCode, signalCode } = process;
  if (exitCode !== null || signalCode !== null) {
    throw new Error(`${command} ended with ${signalCode ?? exitCode}. It printed:\n${child.output()}`);
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
    const settle = (connected: boolean) => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}

const running = new Map<ChildProcess, OrphanSignal>();
process.once('exit', () => {
  for (const [child, orphanSignal] of running) child.kill(orphanSignal);
});

function launch(options: ChildOptions): ChildProcess {
  const { command, args, orphanSignal = 'SIGKILL', ownGroup = false, cwd, env, uid, gid } = options;
  const [program = command, ...programArgs] = [...orphanGuard(orphanSignal), command, ...args];
  const child = spawn(program, programArgs, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: ownGroup,
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  running.set(child, orphanSignal);
  return child;
}

let setprivWorks: boolean | undefined;

/** Has the kernel end the child with us, also when we get no chance to; where util-linux is there to ask it. */
function orphanGuard(signal: OrphanSignal): string[] {
  const guard = ['setpriv', '--pdeathsig', signal.slice('SIG'.length), '--'];
  setprivWorks ??= spawnSync('setpriv', [...guard.slice(1), 'true']).status === 0;
  return setprivWorks ? guard : [];
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
}

function outputOf(child: ChildProcess, max: number): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-max);
    });
  }
  return () => output;
}
