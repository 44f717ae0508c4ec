import type { OperationKind } from './operation.ts';

interface RequestHeader {
  readonly name: string;
  readonly description: string;
  readonly type: 'string' | 'number' | 'integer';
}

const ofInference: readonly RequestHeader[] = [
  {
    name: 'Idempotency-Key',
    description: 'A retry with the same key attaches to the running request, or gets its answer.',
    type: 'string',
  },
  { name: 'x-litellm-timeout', description: 'Seconds; as `timeout` of the body.', type: 'number' },
  { name: 'x-litellm-stream-timeout', description: 'Seconds; as `stream_timeout` of the body.', type: 'number' },
  { name: 'x-litellm-num-retries', description: 'As `num_retries` of the body.', type: 'integer' },
  { name: 'x-litellm-tags', description: 'Tags of the request, with commas between.', type: 'string' },
  { name: 'x-litellm-customer-id', description: 'The customer that the request is for.', type: 'string' },
  {
    name: 'x-litellm-model-region',
    description: '`eu` or `us`: only deployments there may answer, and in the region of the customer too.',
    type: 'string',
  },
  { name: 'x-litellm-trace-id', description: 'The session that the request belongs to.', type: 'string' },
  {
    name: 'x-litellm-spend-logs-metadata',
    description: 'A JSON object for `metadata.spend_logs_metadata` of the spend row.',
    type: 'string',
  },
];

const ofChanges: readonly RequestHeader[] = [
  { name: 'litellm-changed-by', description: 'Whom the audit log is to name as the author.', type: 'string' },
];

/** As components of the document. */
export const headerParameters = Object.fromEntries(
  [...ofInference, ...ofChanges].map(({ name, description, type }) => [
    name,
    { name, in: 'header', required: false, description, schema: { type } },
  ]),
);

/** What a route reads of the headers, beside the key. */
export function headerRefs(kind: OperationKind, method: string): { $ref: string }[] {
  const headers = kind === 'inference' ? ofInference : kind === 'management' && method !== 'get' ? ofChanges : [];
  return headers.map(({ name }) => ({ $ref: `#/components/parameters/${name}` }));
}
