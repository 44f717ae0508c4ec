import { createServer } from 'node:http';
import { once } from 'node:events';
import type { Readiness } from './readiness.ts';

/** GET /health/liveness, /health/readiness and /metrics, for the processes that serve nothing else. */
export async function openStatusServer(options: {
  port: number;
  host: string;
  check: () => Promise<Readiness>;
  /** Prometheus text format. */
  metrics: () => Promise<string>;
}): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((req, res) => {
    const answer = (status: number, type: string, body: string) =>
      res.writeHead(status, { 'content-type': type }).end(body);
    const unavailable = () => answer(503, 'application/json', '{"status":"unhealthy"}');
    switch (req.url) {
      case '/health/liveness':
      case '/health/liveliness':
        answer(200, 'application/json', JSON.stringify("I'm alive!"));
        break;
      case '/health/readiness':
        options
          .check()
          .then(({ ready, parts }) => {
            const body = JSON.stringify({ status: ready ? 'healthy' : 'unhealthy', parts });
            answer(ready ? 200 : 503, 'application/json', body);
          })
          .catch(unavailable);
        break;
      case '/metrics':
      case '/metrics/':
        options
          .metrics()
          .then((text) => answer(200, 'text/plain; version=0.0.4; charset=utf-8', text))
          .catch(unavailable);
        break;
      default:
        answer(404, 'application/json', '{"detail":"Not Found"}');
    }
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
