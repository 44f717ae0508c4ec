import { createServer } from 'node:http';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { errorCatalog, GatewayError } from './errors.ts';
import { createRequireMetricsAccess, type MetricsAccess } from './metrics-access.ts';
import { checkReadiness } from './readiness.ts';
import type { Pings } from './readiness.ts';
import { WrongKeys } from './wrong-keys.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}
type Page = (headers: IncomingHttpHeaders, address: string | undefined) => Promise<Answer>;

export interface StatusServerOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** What it is ready with. */
  readonly pings: Pings;
  /** Prometheus text format. */
  readonly metrics: () => Promise<string>;
  readonly metricsAccess: MetricsAccess;
}

/**
 * GET /health/liveness and /health/readiness, which take no key, and /metrics, which does; for the processes that serve
 * nothing else.
 */
export async function openStatusServer(
  options: StatusServerOptions,
): Promise<AsyncDisposable & { readonly port: number }> {
  const requireMetricsAccess = createRequireMetricsAccess(options.metricsAccess, new WrongKeys({ now: Date.now }));
  const alive: Page = async () => json(200, "I'm alive!");
  const ready: Page = async () => {
    const { ready: isReady, parts } = await checkReadiness(options.pings);
    return json(isReady ? 200 : 503, { status: isReady ? 'healthy' : 'unhealthy', parts });
  };
  const metrics: Page = async (headers, address) => {
    await requireMetricsAccess(headers, address);
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await options.metrics() };
  };
  const pages = new Map<string, Page>([
    ['/health/liveness', alive],
    ['/health/liveliness', alive],
    ['/health/readiness', ready],
    ['/metrics', metrics],
    ['/metrics/', metrics],
  ]);
  const server = createServer((req, res) => {
    const page = pages.get(req.url ?? '') ?? nowhere;
    void page(req.headers, req.socket.remoteAddress)
      .catch(refusal)
      .then(({ status, type, body, headers }) => res.writeHead(status, { ...headers, 'content-type': type }).end(body));
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

function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body), headers };
}

const nowhere: Page = async () => json(404, { detail: 'Not Found' });

/** In the one shape of errors; what is not one of ours stays inside. */
function refusal(error: unknown): Answer {
  if (!(error instanceof GatewayError)) return json(503, { status: 'unhealthy' });
  const { status, type } = errorCatalog[error.code];
  const { message, param, headers, retryAfterSeconds } = error;
  const wait = retryAfterSeconds !== null && { 'retry-after': String(Math.ceil(retryAfterSeconds)) };
  return json(status, { error: { message, type, param, code: String(status) } }, { ...headers, ...wait });
}
