import type { Child } from './child.ts';

/** A server of a test's own, which the test may also freeze, kill and bring back. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Its process; undefined while it is stopped, and for a server that is not ours. */
  readonly pid: number | undefined;
  /** SIGKILL resolves when it is dead. SIGSTOP freezes it, so that connections hang, until SIGCONT. */
  kill(signal: KillSignal): Promise<void>;
  /** Ends it as its operator would. */
  stop(): Promise<void>;
  /** Brings it back, on the same port and data. */
  start(): Promise<void>;
}

export type KillSignal = 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';

export interface ServerParts {
  url: string;
  port: number;
  /** Starts the process and resolves when it serves. */
  launch: () => Promise<Child>;
  /** Sends the signal to all of the server's processes. */
  signal?: (child: Child, signal: KillSignal) => Promise<void>;
  /** Removes what it stored, once it has ended. */
  remove: () => PromiseLike<void>;
}

/** Starts a server and keeps hold of its process from one start to the next. */
export async function openServer(parts: ServerParts): Promise<TestServer> {
  const { url, port, launch, remove } = parts;
  const signalAll = parts.signal ?? (async (child, signal) => child.signal(signal));
  let child: Child | undefined;

  const server: TestServer = {
    url,
    port,
    get pid() {
      return child?.pid;
    },
    async kill(signal) {
      if (child === undefined) throw new Error(`${signal} for a server that does not run.`);
      const target = child;
      if (signal === 'SIGKILL') child = undefined;
      await signalAll(target, signal);
      if (signal === 'SIGKILL') await target.exited;
    },
    async stop() {
      const target = child;
      child = undefined;
      if (target === undefined) return;
      await signalAll(target, 'SIGCONT');
      await target.stop();
    },
    async start() {
      if (child !== undefined) throw new Error('Started twice.');
      child = await launch();
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await remove();
    },
  };

  try {
    await server.start();
    return server;
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * A server that others use too, so neither killed nor stopped.
 *
 * @param why what a test is told that tries
 */
export function foreignServer(url: string, why: string): TestServer {
  const refuse = async () => {
    throw new Error(why);
  };
  return {
    url,
    port: Number(new URL(url).port),
    pid: undefined,
    kill: refuse,
    stop: refuse,
    start: refuse,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export type ServerVariable = 'REDIS_URL' | 'NATS_URL';

/** For `test(name, { skip: notOurs('REDIS_URL') }, …)`: why a test that kills its server cannot run, or false. */
export function notOurs(variable: ServerVariable): string | false {
  return process.env[variable] ? `${variable} names a server that is not ours to stop` : false;
}
