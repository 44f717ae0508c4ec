import { keyHeaders } from '../../auth/key-from-headers.ts';
import type { Named, Operation, Section } from './operation.ts';
import { headerParameters, headerRefs } from './request-headers.ts';
import { errorResponseRef, errorResponses, errorStatuses } from './responses.ts';
import { componentSchemas, queryParameters, refTo } from './schemas.ts';

/** A document of OpenAPI 3.1 about the routes in `sections`, each of which is under its method and path. */
export function openApiDocument(sections: readonly Section[], { version }: { readonly version: string }) {
  const routes = sections.flatMap(({ kind, tag, operations }) =>
    Object.entries(operations).map(([route, operation]) => ({ ...placeOf(route), kind, tag, operation })),
  );
  const byPath = Map.groupBy(routes, ({ path }) => pathTemplate(path));
  const named = routes.flatMap(({ operation: { body = {}, form, answer = {}, events = {} } }) => [
    body,
    form === undefined ? {} : { [form.name]: form.fields },
    answer,
    events,
  ]);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Sluice',
      version,
      description: "A gateway to OCI Generative AI with the APIs of OpenAI, Cohere and LiteLLM's proxy.",
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: sections.map(({ tag, description }) => ({ name: tag, description })),
    security: securitySchemes.map(([name]) => ({ [name]: [] })),
    paths: Object.fromEntries(
      [...byPath].map(([path, own]) => [path, Object.fromEntries(own.map((route) => [route.method, pathItem(route)]))]),
    ),
    components: {
      schemas: componentSchemas(named),
      responses: errorResponses(),
      parameters: headerParameters,
      securitySchemes: Object.fromEntries(securitySchemes),
    },
  };
}

/** Method and path of `GET /models/*model`; the method in lower case. */
export function placeOf(route: string): { readonly method: string; readonly path: string } {
  const [method = '', path = ''] = route.split(' ');
  return { method: method.toLowerCase(), path };
}

const inPath = /[*:](\w+)/g;

/** `/models/*model` as OpenAPI has it: `/models/{model}`. */
export function pathTemplate(path: string): string {
  return path.replace(inPath, '{$1}');
}

/** In the order in which they are looked for. */
const securitySchemes = keyHeaders.map(({ name, bearer }): [string, object] =>
  bearer === 'required'
    ? ['bearer', { type: 'http', scheme: 'bearer' }]
    : [name, { type: 'apiKey', in: 'header', name }],
);

interface Route extends Pick<Section, 'kind' | 'tag'> {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

function pathItem({ method, path, kind, tag, operation }: Route) {
  const { summary, body, form, query = [] } = operation;
  const parameters = [
    ...[...path.matchAll(inPath)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...query.flatMap(queryParameters).map((parameter) => ({ ...parameter, in: 'query' })),
    ...headerRefs(kind, method),
  ];
  return {
    operationId: [method, ...path.split(/\W+/)].filter((word) => word !== '').join('_'),
    tags: [tag],
    summary,
    ...(kind === 'public' && { security: [] }),
    ...(kind === 'metrics' && { security: [{ bearer: [] }, {}] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: requestBody(body) }),
    ...(form && { requestBody: formBody(form) }),
    responses: {
      ...successes(kind, operation),
      ...Object.fromEntries(errorStatuses(kind, operation).map((status) => [status, errorResponseRef(status)])),
    },
  };
}

/** Without a body at all, a management request has an empty one. */
function requestBody(body: Named) {
  const required = !Object.values(body).every((schema) => schema.safeParse({}).success);
  const schemas = Object.keys(body).map((name) => ({ $ref: refTo(name) }));
  return {
    required,
    content: { 'application/json': { schema: schemas.length === 1 ? schemas[0] : { allOf: schemas } } },
  };
}

function formBody({ name, file }: NonNullable<Operation['form']>) {
  const withFile = { type: 'object', required: [file], properties: { [file]: { type: 'string', format: 'binary' } } };
  const schema = { allOf: [{ $ref: refTo(name) }, withFile] };
  return { required: true, content: { 'multipart/form-data': { schema } } };
}

function successes(kind: Section['kind'], { answer = {}, events = {}, media = {} }: Operation) {
  const content = Object.fromEntries([
    ...Object.keys(answer).map((name) => ['application/json', { schema: { $ref: refTo(name) } }] as const),
    ...Object.keys(events).map((name) => ['text/event-stream', { schema: eventsOf(name) }] as const),
    ...Object.entries(media).map(([type, description]) => [type, { schema: { type: 'string', description } }] as const),
  ]);
  if (Object.keys(content).length === 0) return {};
  return {
    200: { description: 'The answer.', content },
    ...(kind === 'public' && { 503: { description: 'The same: not now.', content } }),
  };
}

/** OpenAPI 3.1 has no schemas for the events of a stream. */
function eventsOf(name: string) {
  const description =
    `With \`stream: true\`: events \`data: {…}\`, each a ${name}, and \`data: [DONE]\`. ` +
    'An answer that fails midway ends with an event that is an ErrorBody, and no [DONE].';
  return { type: 'string', description };
}
