import { createServer } from 'node:http';
import { once } from 'node:events';
import type { Readiness } from './readiness.ts';

type Answer = (status: number, type: string, body: string) => void;
type Page = (answer: Answer) => Promise<void>;

/** GET /health/liveness, /health/readiness and /metrics, for the processes that serve nothing else. */
export async function openStatusServer(options: {
  port: number;
  host: string;
  check: () => Promise<Readiness>;
  /** Prometheus text format. */
  metrics: () => Promise<string>;
}): Promise<AsyncDisposable & { readonly port: number }> {
  const alive: Page = async (answer) => answer(200, 'application/json', JSON.stringify("I'm alive!"));
  const ready: Page = async (answer) => {
    const { ready: isReady, parts } = await options.check();
    const body = JSON.stringify({ status: isReady ? 'healthy' : 'unhealthy', parts });
    answer(isReady ? 200 : 503, 'application/json', body);
  };
  const metrics: Page = async (answer) =>
    answer(200, 'text/plain; version=0.0.4; charset=utf-8', await options.metrics());
  const pages = new Map<string, Page>([
    ['/health/liveness', alive],
    ['/health/liveliness', alive],
    ['/health/readiness', ready],
    ['/metrics', metrics],
    ['/metrics/', metrics],
  ]);
  const server = createServer((req, res) => {
    const answer: Answer = (status, type, body) => void res.writeHead(status, { 'content-type': type }).end(body);
    const page = pages.get(req.url ?? '');
    if (page) page(answer).catch(() => answer(503, 'application/json', '{"status":"unhealthy"}'));
    else answer(404, 'application/json', '{"detail":"Not Found"}');
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
