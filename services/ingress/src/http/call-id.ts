import type { IncomingHttpHeaders } from 'node:http';

const callIdPattern = /^[\w.:-]{1,128}$/;

/** What a request is called in the books, the audit log and its answer: the client's `x-litellm-call-id`, or a new id. */
export function callIdOf(headers: IncomingHttpHeaders, newId: () => string): string {
  const asked = headers['x-litellm-call-id'];
  return typeof asked === 'string' && callIdPattern.test(asked) ? asked : newId();
}
