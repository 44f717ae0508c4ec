/** Every way a request can fail. Listed for clients in docs/errors.md; a test keeps the two equal. */
export const errorCatalog = {
  // What the client sent
  malformed_body: { status: 400, type: 'invalid_request_error', retryable: false },
  body_too_large: { status: 413, type: 'bad_request_error', retryable: false },
  invalid_request: { status: 400, type: 'invalid_request_error', retryable: false },
  invalid_management_request: { status: 400, type: 'bad_request_error', retryable: false },
  unknown_model: { status: 400, type: 'invalid_request_error', retryable: false },
  unsupported_parameter: { status: 400, type: 'invalid_request_error', retryable: false },
  unknown_route: { status: 404, type: 'not_found_error', retryable: false },
  range_not_satisfiable: { status: 416, type: 'invalid_request_error', retryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', retryable: false },
  not_found: { status: 404, type: 'not_found_error', retryable: false },
  already_exists: { status: 409, type: 'bad_request_error', retryable: false },
  in_use: { status: 409, type: 'bad_request_error', retryable: false },
  batch_over: { status: 409, type: 'invalid_request_error', retryable: false },
  already_member: { status: 400, type: 'team_member_already_in_team', retryable: false },
  // Who the client is
  ip_not_allowed: { status: 403, type: 'auth_error', retryable: false },
  key_missing: { status: 401, type: 'auth_error', retryable: false },
  key_malformed: { status: 401, type: 'auth_error', retryable: false },
  key_unknown: { status: 401, type: 'token_not_found_in_db', retryable: false },
  key_expired: { status: 401, type: 'expired_key', retryable: false },
  key_blocked: { status: 401, type: 'auth_error', retryable: false },
  too_many_wrong_keys: { status: 429, type: 'throttling_error', retryable: true },
  metrics_refused: { status: 401, type: 'auth_error', retryable: false },
  team_blocked: { status: 401, type: 'auth_error', retryable: false },
  customer_blocked: { status: 401, type: 'auth_error', retryable: false },
  model_not_allowed: { status: 403, type: 'key_model_access_denied', retryable: false },
  model_paused: { status: 403, type: 'permission_error', retryable: false },
  team_model_not_allowed: { status: 403, type: 'team_model_access_denied', retryable: false },
  user_model_not_allowed: { status: 403, type: 'user_model_access_denied', retryable: false },
  organization_model_not_allowed: { status: 403, type: 'org_model_access_denied', retryable: false },
  customer_model_not_allowed: { status: 403, type: 'end_user_model_access_denied', retryable: false },
  tag_model_not_allowed: { status: 403, type: 'tag_model_access_denied', retryable: false },
  region_not_allowed: { status: 403, type: 'permission_error', retryable: false },
  route_not_allowed: { status: 403, type: 'permission_error', retryable: false },
  tags_not_allowed: { status: 401, type: 'permission_error', retryable: false },
  // What the client may still use
  budget_exceeded: { status: 429, type: 'budget_exceeded', retryable: false },
  rate_limited: { status: 429, type: 'throttling_error', retryable: true },
  wait_too_long: { status: 429, type: 'throttling_error', retryable: true },
  too_many_batches: { status: 429, type: 'throttling_error', retryable: true },
  file_quota_exceeded: { status: 403, type: 'file_quota_exceeded', retryable: false },
  queue_full: { status: 429, type: 'throttling_error', retryable: true },
  overloaded: { status: 503, type: 'overloaded_error', retryable: true },
  // What became of the request
  all_deployments_in_cooldown: { status: 429, type: 'all_deployments_in_cooldown', retryable: true },
  deadline_exceeded: { status: 408, type: 'timeout_error', retryable: true },
  stream_interrupted: { status: 502, type: 'internal_server_error', retryable: true },
  dependency_unavailable: { status: 503, type: 'service_unavailable', retryable: true },
  outcome_unknown: { status: 504, type: 'internal_server_error', retryable: false },
  idempotency_key_reused: { status: 409, type: 'idempotency_error', retryable: false },
  answer_not_kept: { status: 409, type: 'idempotency_error', retryable: false },
  // What the provider said (docs: upstream)
  provider_bad_request: { status: 400, type: 'invalid_request_error', retryable: false },
  context_window_exceeded: { status: 400, type: 'invalid_request_error', retryable: false },
  content_policy_violation: { status: 400, type: 'invalid_request_error', retryable: false },
  provider_authentication: { status: 401, type: 'authentication_error', retryable: false },
  provider_permission: { status: 403, type: 'permission_error', retryable: false },
  provider_not_found: { status: 404, type: 'not_found_error', retryable: false },
  provider_conflict: { status: 409, type: 'invalid_request_error', retryable: true },
  provider_unprocessable: { status: 422, type: 'invalid_request_error', retryable: false },
  provider_throttled: { status: 429, type: 'throttling_error', retryable: true },
  provider_timeout: { status: 408, type: 'timeout_error', retryable: true },
  provider_failed: { status: 500, type: 'internal_server_error', retryable: true },
  provider_bad_gateway: { status: 502, type: 'internal_server_error', retryable: true },
  provider_unavailable: { status: 503, type: 'internal_server_error', retryable: true },
  provider_gateway_timeout: { status: 504, type: 'internal_server_error', retryable: true },
  provider_unreachable: { status: 500, type: 'internal_server_error', retryable: true },
  // A bug of ours; its text stays inside
  internal: { status: 500, type: 'internal_server_error', retryable: false },
} as const satisfies Record<string, { status: number; type: string; retryable: boolean }>;

export type ErrorCode = keyof typeof errorCatalog;

/** True for a string that the catalogue knows; a newer peer may send one that it does not. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalog, code);
}

export interface GatewayErrorOptions {
  /** The field at fault, as the client spelt it. */
  readonly param?: string | undefined;
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined;
  /** Further response headers, for example the reset time of a rate limit. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What happened inside. For logs, never for the client. */
  readonly cause?: unknown;
}

/** A failure that the client is told about. `message` is public; the detail is `cause`. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.headers = options.headers ?? {};
  }
}

/** Said by whoever notices first: an ingress, or a worker before or during a call. */
export function deadlineExceeded(): GatewayError {
  return new GatewayError('deadline_exceeded', 'litellm.Timeout: the request was not answered within its timeout.');
}
