import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often it asks each ingress whether it is ready, as long as it may take to say so. */
const probeMs = 100;

/** What the balancer has seen of one ingress. */
interface Figures {
  readonly url: string;
  ready: boolean;
  /** Whether it ever said itself that it is not ready. */
  refusedReadiness: boolean;
  running: number;
  answered: number;
}

interface Backend {
  readonly figures: Figures;
  readonly keepAlive: Agent;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface LoadBalancer extends AsyncDisposable {
  add(url: string): void;
  figures(): readonly Readonly<Figures>[];
  /** Requests that were sent again, by what broke the connection before. */
  readonly retries: ReadonlyMap<string, number>;
  /**
   * Sends it to the next ingress that is ready; again to another if the connection was refused, or a kept one was
   * reset before a byte of the answer.
   * @throws what breaks a connection otherwise, or no ingress that is ready
   */
  post(path: string, options: PostOptions): Promise<Answer>;
}

interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** On a connection that is kept for others, or on one of its own. */
  readonly keepAlive: boolean;
}

/** Round robin over the ingresses that are ready, as any load balancer with health checks does it. */
export function openLoadBalancer(urls: readonly string[]): LoadBalancer {
  const backends: Backend[] = [];
  const retries = new Map<string, number>();
  const closing = new AbortController();
  const probes: Promise<void>[] = [];
  let turn = 0;

  const add = (url: string) => {
    const figures = { url, ready: true, refusedReadiness: false, running: 0, answered: 0 };
    backends.push({ figures, keepAlive: new Agent({ keepAlive: true }) });
    probes.push(probe(figures, closing.signal));
  };
  urls.forEach(add);

  const next = (tried: ReadonlySet<Backend>): Backend => {
    const candidates = backends.filter((backend) => backend.figures.ready && !tried.has(backend));
    turn += 1;
    const chosen = candidates[turn % candidates.length];
    if (!chosen) throw new Error('no ingress is ready');
    return chosen;
  };

  return {
    add,
    figures: () => backends.map(({ figures }) => figures),
    retries,
    async post(path, options) {
      const tried = new Set<Backend>();
      for (;;) {
        const backend = next(tried);
        const { figures } = backend;
        figures.running += 1;
        const outcome = await send(backend, path, options).finally(() => (figures.running -= 1));
        if ('status' in outcome) {
          figures.answered += 1;
          return outcome;
        }
        if (outcome.mayHaveBegun) throw outcome.error;
        retries.set(outcome.error.message, (retries.get(outcome.error.message) ?? 0) + 1);
        tried.add(backend);
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(probes);
      for (const { keepAlive } of backends) keepAlive.destroy();
    },
  };
}

async function probe(figures: Figures, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await fetch(`${figures.url}/health/readiness`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(1_000)]),
      headers: { connection: 'close' },
    }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => null,
    );
    if (signal.aborted) return;
    figures.ready = status === 200;
    if (status === 503) figures.refusedReadiness = true;
    await sleep(probeMs, undefined, { signal }).catch(() => undefined);
  }
}

interface Broken {
  readonly error: Error;
  /** Whether the ingress may have done something with the request. */
  readonly mayHaveBegun: boolean;
}

async function send(
  { figures, keepAlive: kept }: Backend,
  path: string,
  options: PostOptions,
): Promise<Answer | Broken> {
  const { headers, body, keepAlive } = options;
  const sent = httpRequest(`${figures.url}${path}`, {
    method: 'POST',
    agent: keepAlive ? kept : new Agent({ keepAlive: false }),
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
  });
  const begun = Promise.withResolvers<IncomingMessage>();
  sent.once('response', begun.resolve).once('error', begun.reject).end(body);
  let response: IncomingMessage;
  try {
    response = await begun.promise;
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { error, mayHaveBegun: !neverProcessed(error, sent) };
  }
  try {
    const text = (await Array.fromAsync(response.setEncoding('utf8'), String)).join('');
    return { status: response.statusCode ?? 0, text };
  } catch (thrown) {
    return { error: thrown instanceof Error ? thrown : new Error(String(thrown)), mayHaveBegun: true };
  }
}

/** A kept connection that breaks before the answer was closed by the server while the request was on its way. */
function neverProcessed(error: Error, sent: ClientRequest): boolean {
  const code = 'code' in error ? error.code : null;
  return code === 'ECONNREFUSED' || (sent.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE'));
}
