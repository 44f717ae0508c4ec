/**
 * Which kind of `code` an error body carries (§6.1).
 * `mixed`: the status as text from the inference plane, words from the front gateway (401, 404 of a route, 405, 413).
 */
export type ErrorCodes = 'words' | 'numbers' | 'mixed';

/** A refusal, as it goes over the wire. Thrown by every step before an answer is begun. */
export class OciFailure extends Error {
  readonly status: number;
  /** Who refuses: it decides the kind of `code` in mode `mixed`. */
  readonly by: 'gateway' | 'inference';
  /** Set to overrule the mode. */
  readonly code: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly html: boolean;

  constructor(
    status: number,
    message: string,
    how: { by?: 'gateway' | 'inference'; code?: string; retryAfterS?: number; html?: boolean } = {},
  ) {
    super(message);
    this.status = status;
    this.by = how.by ?? 'inference';
    this.code = how.code;
    this.retryAfterS = how.retryAfterS;
    this.html = how.html ?? false;
  }
}

export function badFormat(): OciFailure {
  return new OciFailure(400, 'Please pass in correct format of request');
}

export function notFound(): OciFailure {
  return new OciFailure(404, 'Authorization failed or requested resource not found.');
}

/** A refusal by the vendor behind the model: its own JSON, as text inside `message` (§6.1). */
export function vendorRefusal(code: string, param: string, message: string): OciFailure {
  const error = JSON.stringify({ error: { message, type: 'invalid_request_error', param, code } }, null, 2);
  return new OciFailure(400, error.replaceAll(/\s*\n\s*/g, ' '));
}

export function failureBody(failure: OciFailure, codes: ErrorCodes): string {
  if (failure.html) {
    return `<html>\r\n<head><title>${failure.status}</title></head>\r\n<body><center><h1>${failure.message}</h1></center></body>\r\n</html>\r\n`;
  }
  return JSON.stringify({ code: failure.code ?? codeOf(failure, codes), message: failure.message });
}

function codeOf({ status, by }: OciFailure, codes: ErrorCodes): string {
  const numeric = codes === 'numbers' || (codes === 'mixed' && by === 'inference');
  return numeric ? String(status) : (wordOf[status] ?? 'InternalServerError');
}

/** §6.1, the first word where there are several. */
const wordOf: Readonly<Record<number, string>> = {
  400: 'InvalidParameter',
  401: 'NotAuthenticated',
  403: 'NotAuthorized',
  404: 'NotAuthorizedOrNotFound',
  405: 'MethodNotAllowed',
  409: 'IncorrectState',
  412: 'NoEtagMatch',
  413: 'RequestEntityTooLarge',
  422: 'UnprocessableEntity',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  501: 'MethodNotImplemented',
  503: 'ServiceUnavailable',
};
