import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequireMetricsAccess } from '@sluice/shared/metrics-access.ts';
import express from 'express';
import type { ErrorRequestHandler, Express, IRoute, RequestHandler } from 'express';
import type { Authenticate } from './auth/create-authenticate.ts';
import { asGatewayError } from './http/as-gateway-error.ts';
import { toErrorResponse } from './http/error-response.ts';
import { withoutRepeat } from './http/made-changes.ts';
import { bytes } from './http/read-bytes.ts';
import { readOptionalJson } from './http/read-json.ts';
import { requireAllowedIp } from './http/require-allowed-ip.ts';
import { chatCompletions } from './inference/endpoints/chat-completions.ts';
import { completions } from './inference/endpoints/completions.ts';
import { embeddings } from './inference/endpoints/embeddings.ts';
import { moderations } from './inference/endpoints/moderations.ts';
import { rerank } from './inference/endpoints/rerank.ts';
import type { ModelsDeps } from './models/visible-models.ts';
import { liveness } from './routes/health/liveness.ts';
import { readiness } from './routes/health/readiness.ts';
import { metricsPage } from './routes/health/metrics-page.ts';
import { auditLine, auditLog, type AuditDeps } from './routes/management/audit.ts';
import type { ManagementDeps } from './routes/management/management-deps.ts';
import type { ManagementRoute } from './routes/management/management-route.ts';
import { managementRoutes } from './routes/management/management-routes.ts';
import { modelGroups } from './routes/management/models/model-group-info.ts';
import { modelInfo, modelInfoPage } from './routes/management/models/model-info.ts';
import { batchRoutes } from './routes/openai/batches/batch-routes.ts';
import type { BatchesDeps } from './routes/openai/batches/batches-deps.ts';
import { fileRoutes } from './routes/openai/files/file-routes.ts';
import type { FilesDeps } from './routes/openai/files/files-deps.ts';
import type { InferenceDeps } from './routes/openai/inference-deps.ts';
import { inferenceRoute } from './routes/openai/inference-route.ts';
import { listModels, retrieveModel } from './routes/openai/models.ts';
import { openApi } from './routes/openapi/openapi.ts';
import type { SpendDeps } from './routes/spend/spend-deps.ts';
import { spendRoutes } from './routes/spend/spend-routes.ts';
import { isStreaming } from './stream/heartbeat.ts';
import { errorFrame } from './stream/send-sse.ts';

export interface AppDeps {
  readonly inference: InferenceDeps;
  readonly models: ModelsDeps;
  readonly files: FilesDeps;
  readonly batches: BatchesDeps;
  readonly management: ManagementDeps;
  readonly audit: AuditDeps;
  readonly spend: SpendDeps;
  readonly health: {
    readonly isDraining: () => boolean;
    readonly check: Parameters<typeof readiness>[0]['check'];
    readonly metrics: () => Promise<string>;
    readonly requireMetricsAccess: RequireMetricsAccess;
  };
  /** Whose `X-Forwarded-For` says where a request comes from. */
  readonly trustedProxies: readonly string[];
  /** From where requests are taken, but for those about health; null: from everywhere. */
  readonly allowedIps: readonly string[] | null;
  /** Told of what is a bug or a broken dependency; what clients do wrong is not an error of ours. */
  readonly onError: (error: unknown, request: { method: string; path: string }) => void;
}

const managementBytesMax = 1024 * 1024;

/** Routes and what stands before them, in the order in which a request meets them. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.trustedProxies);

  const resources = new Map<string, { readonly resource: IRoute; readonly methods: ManagementRoute['method'][] }>();
  /** For routes that name their caller themselves, and those few that take anybody. */
  const open = (path: string, method: ManagementRoute['method'], ...handlers: RequestHandler[]) => {
    const known = resources.get(path) ?? { resource: app.route(path), methods: [] };
    resources.set(path, known);
    known.resource[method](...handlers);
    known.methods.push(method);
  };
  /** The caller is named before anything else of the request is looked at. */
  const route = (path: string, method: ManagementRoute['method'], ...handlers: RequestHandler[]) =>
    open(path, method, authenticated(deps.management.authenticate), ...handlers);
  const both = (path: string, method: ManagementRoute['method'], ...handlers: RequestHandler[]) => {
    route(path, method, ...handlers);
    route(`/v1${path}`, method, ...handlers);
  };

  /** Also where clients of Azure OpenAI and of OpenAI's first API look for it, with the model in the path. */
  const everywhere = (path: string, ...handlers: RequestHandler[]) => {
    for (const prefix of ['', '/v1', '/engines/*model', '/openai/deployments/*model']) {
      open(`${prefix}${path}`, 'post', ...handlers);
    }
  };

  const { health, inference, management, models, spend } = deps;
  open('/health/liveness', 'get', liveness(health));
  open('/health/liveliness', 'get', liveness(health));
  open('/health/readiness', 'get', readiness(health));
  app.use(requireAllowedIp(deps.allowedIps));
  open('/metrics', 'get', metricsPage(health));
  route('/openapi.json', 'get', openApi(inference));

  everywhere('/chat/completions', inferenceRoute(chatCompletions, inference));
  everywhere('/completions', inferenceRoute(completions, inference));
  everywhere('/embeddings', inferenceRoute(embeddings, inference));
  for (const prefix of ['', '/v1']) open(`${prefix}/moderations`, 'post', inferenceRoute(moderations, inference));
  for (const prefix of ['', '/v1', '/v2']) open(`${prefix}/rerank`, 'post', inferenceRoute(rerank, inference));
  both('/models', 'get', listModels(models));
  both('/models/*model', 'get', retrieveModel(models));
  both('/model/info', 'get', modelInfo(models));
  route('/v2/model/info', 'get', modelInfoPage(models));
  route('/model_group/info', 'get', modelGroups(models));
  for (const { method, path, handler } of fileRoutes(deps.files)) both(path, method, handler);
  for (const { method, path, handler, hasBody } of batchRoutes(deps.batches)) {
    both(path, method, ...(hasBody ? [bytes(managementBytesMax)] : []), handler);
  }

  const managementBody = [bytes(managementBytesMax), jsonBody];
  for (const { method, path, handler } of managementRoutes(management)) {
    route(path, method, ...(method === 'get' ? [] : managementBody), handler);
  }
  route('/audit', 'get', auditLog(deps.audit));
  route('/audit/:id', 'get', auditLine(deps.audit));
  for (const { method, path, handler } of spendRoutes(spend)) {
    route(path, method, ...(method === 'post' ? managementBody : []), handler);
  }

  for (const { resource, methods } of resources.values()) resource.all(methodNotAllowed(methods));
  app.use((req) => {
    throw new GatewayError('unknown_route', `There is no route ${req.method} ${req.path}.`);
  });
  app.use(errorHandler(deps));
  return app;
}

function authenticated(authenticate: Authenticate): RequestHandler {
  return async (req, _res, next) => {
    await authenticate(req);
    next();
  };
}

const jsonBody: RequestHandler = (req, _res, next) => {
  req.body = readOptionalJson(req);
  next();
};

function methodNotAllowed(methods: readonly ManagementRoute['method'][]): RequestHandler {
  const allow = methods.map((method) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
  return (req) => {
    const headers = { allow };
    throw new GatewayError('method_not_allowed', `${req.method} is not allowed on ${req.path}.`, { headers });
  };
}

/** What is thrown becomes a response here and nowhere else. */
function errorHandler({ onError, inference: { config } }: Pick<AppDeps, 'onError' | 'inference'>): ErrorRequestHandler {
  return (thrown: unknown, req, res, _next) => {
    if (res.destroyed) return; // nobody is there to be told
    const error = withoutRepeat(asGatewayError(thrown), res);
    const callId = config.errorsNameCall ? res.getHeader('x-litellm-call-id') : undefined;
    const named = typeof callId === 'string' ? callId : undefined;
    const { status, body, headers } = toErrorResponse(error, named);
    if (status >= 500) onError(thrown, { method: req.method, path: req.path });
    if (res.headersSent) {
      // Too late for a status: the client must not take what it has for a whole answer.
      if (isStreaming(res)) res.end(errorFrame(error, named));
      else res.destroy();
      return;
    }
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    res.status(status).json(body);
  };
}
