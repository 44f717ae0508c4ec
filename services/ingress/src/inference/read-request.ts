import type { IncomingHttpHeaders } from 'node:http';
import type { Authenticated } from '../auth/authenticated.ts';
import { parseBody } from '../http/parse-body.ts';
import type { Ask } from './admit-job.ts';
import { customersModel } from './customers-model.ts';
import type { InferenceEndpoint } from './endpoint.ts';
import type { InferenceSteps } from './inference-steps.ts';
import { modelIn, realModel, requestedModel, withModel } from './requested-model.ts';

/** A request's body, with the model that it means, and what admission has to know of it. */
export interface Read<Body> {
  readonly value: unknown;
  readonly body: Body;
  readonly ask: Ask;
  /** What the job carries. */
  readonly text: string;
}

export interface ReadRequest<Body> {
  readonly read: Read<Body>;
  /** The model's name in the answer, unless a fallback gives it: what the client called it. */
  readonly shownAs: string;
  /** The same request to another model. */
  withModel(model: string): Read<Body>;
}

/**
 * Finds the model that a request means, and parses the request.
 *
 * @throws GatewayError for a body that the endpoint does not take
 */
export async function readRequest<Body>(
  endpoint: InferenceEndpoint<Body>,
  request: {
    readonly text: string;
    readonly value: unknown;
    readonly authenticated: Authenticated;
    readonly headers: IncomingHttpHeaders;
  },
  deps: Pick<InferenceSteps, 'config' | 'customerOf'>,
): Promise<ReadRequest<Body>> {
  const { path, callType, mode, schema } = endpoint;
  const { authenticated, headers } = request;
  const { config } = deps;
  const real = withModel(request, realModel(request.value, authenticated.principal));
  const meant = requestedModel(real.value, authenticated, { path, config });
  const known = withModel(real, meant);
  const placed = await customersModel(known.value, { mode, headers }, deps);
  const read = readAs(withModel(known, placed));
  const isAsNamed = real === request || placed !== undefined;
  const shownAs = isAsNamed ? read.ask.body.model : (modelIn(request.value) ?? read.ask.body.model);
  return { read, shownAs, withModel: (model) => readAs(withModel(read, model)) };

  function readAs({ text, value }: { text: string; value: unknown }): Read<Body> {
    const body = parseBody(schema, value, path);
    const ask = { callType, ...endpoint.ask(body, { authenticated, config }) };
    return { value, body, ask, text: ask.jobBody === undefined ? text : JSON.stringify(ask.jobBody) };
  }
}
