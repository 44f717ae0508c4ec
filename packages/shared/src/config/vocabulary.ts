import { errorClasses } from './router-config.ts';

/** The keys of one kind of section. Source: LiteLLM's configuration file, as of late 2026. */
export interface Vocabulary {
  /** What this version reads. */
  readonly used: readonly string[];
  /** What LiteLLM knows and this version does not do yet. `mcp_*` stands for all that begin so. */
  readonly notYet: readonly string[];
  /** Spellings found in the wild that LiteLLM silently ignores, and what they should be. */
  readonly dialect: Readonly<Record<string, string>>;
  /** What becomes of other keys: a warning, an end of the start, or nothing as long as it is no typing mistake. */
  readonly others: 'warn' | 'stop' | 'keep';
}

const ociParams = [
  'oci_api',
  'oci_auth',
  'oci_config_file',
  'oci_config_profile',
  'oci_region',
  'oci_user',
  'oci_fingerprint',
  'oci_tenancy',
  'oci_key',
  'oci_key_file',
  'oci_key_passphrase',
  'oci_compartment_id',
  'oci_serving_mode',
  'oci_endpoint_id',
];

const prices = [
  'input_cost_per_token',
  'output_cost_per_token',
  'cache_read_input_token_cost',
  'output_cost_per_reasoning_token',
  'input_cost_per_query',
];

export const vocabularies = {
  file: {
    used: [
      'environment_variables',
      'include',
      'model_list',
      'litellm_settings',
      'router_settings',
      'general_settings',
      'sluice_settings',
    ],
    notYet: words(`guardrails mcp_servers callback_settings credential_list finetune_settings files_settings
      vector_store_registry assistant_settings search_tools policies prompts`),
    dialect: {},
    others: 'warn',
  },
  modelEntry: {
    used: ['model_name', 'litellm_params', 'model_info'],
    notYet: [],
    dialect: {},
    others: 'warn',
  },
  /** Besides these, the OpenAI parameters of `default-params.ts`. */
  litellmParams: {
    used: [
      'model',
      'custom_llm_provider',
      'api_base',
      'api_key',
      'api_version',
      'organization',
      'base_model',
      'timeout',
      'stream_timeout',
      'request_timeout',
      'num_retries',
      'max_retries',
      'weight',
      'rpm',
      'tpm',
      'max_parallel_requests',
      'order',
      'tags',
      'cooldown_time',
      'drop_params',
      'additional_drop_params',
      'mock_response',
      ...prices,
      ...ociParams,
    ],
    notYet: words(`tiered_pricing input_cost_per_character
      output_cost_per_character input_cost_per_second output_cost_per_second input_cost_per_image
      cache_creation_input_token_cost max_budget budget_duration
      allowed_openai_params region_name litellm_credential_name merge_reasoning_content_in_choices
      use_in_pass_through configurable_clientside_auth_params stream extra_headers extra_body`),
    dialect: { priority: 'order', ttl: 'litellm_settings.cache_params.ttl' },
    others: 'warn',
  },
  /** LiteLLM hands keys of your own out again, so they are no mistakes. */
  modelInfo: {
    used: [
      'id',
      'mode',
      'base_model',
      'max_tokens',
      'max_input_tokens',
      'max_output_tokens',
      'cooldown_time',
      'allowed_fails',
      'allowed_fails_policy',
      'blocked',
      'access_groups',
      ...prices,
    ],
    notYet: words(`team_id team_public_model_name
      health_check_model health_check_max_tokens health_check_timeout disable_background_health_check`),
    dialect: {},
    others: 'keep',
  },
  litellmSettings: {
    // `set_verbose` is deprecated in LiteLLM too: it is taken, and means nothing.
    used: [
      'drop_params',
      'num_retries',
      'request_timeout',
      'fallbacks',
      'default_fallbacks',
      'context_window_fallbacks',
      'content_policy_fallbacks',
      'allowed_fails',
      'model_alias_map',
      'expose_router_debug_in_errors',
      'require_auth_for_metrics_endpoint',
      'set_verbose',
      'max_budget',
      'budget_duration',
      'max_end_user_budget',
      'max_end_user_budget_id',
      'upperbound_key_generate_params',
      'default_key_generate_params',
      'default_internal_user_params',
      'max_internal_user_budget',
      'internal_user_budget_duration',
      'key_generation_settings',
      'enable_key_alias_format_validation',
      'timezone',
      'extra_spend_tag_headers',
      'disable_add_user_agent_to_request_tags',
    ],
    notYet: words(`modify_params json_logs callbacks
      success_callback failure_callback service_callback service_callbacks turn_off_message_logging
      redact_user_api_key_info langfuse_default_tags cache cache_params enable_redis_auth_cache
      default_team_params default_team_settings cost_discount_config cost_margin_config
      disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only
      enable_end_user_cost_tracking_prometheus_only
      prometheus_initialize_budget_metrics prometheus_metrics_config
      custom_prometheus_metadata_labels custom_prometheus_tags prometheus_emit_stream_label
      prometheus_latency_buckets enable_json_schema_validation mcp_aliases
      public_model_groups default_max_internal_user_budget model_group_settings
      forward_client_headers_to_llm_api`),
    dialect: { guardrails: 'guardrails (a section of its own)', content_policy: 'guardrails with blocked_words' },
    others: 'warn',
  },
  routerSettings: {
    used: [
      'fallbacks',
      'default_fallbacks',
      'max_fallbacks',
      'num_retries',
      'retry_after',
      'timeout',
      'stream_timeout',
      'default_priority',
      'model_group_alias',
      'routing_strategy',
      'routing_strategy_args',
      'context_window_fallbacks',
      'content_policy_fallbacks',
      'allowed_fails',
      'allowed_fails_policy',
      'cooldown_time',
      'disable_cooldowns',
      'retry_policy',
      'model_group_retry_policy',
      'enable_pre_call_checks',
      'enable_tag_filtering',
      'tag_filtering_match_any',
    ],
    notYet: words(`optional_pre_call_checks
      provider_budget_config default_litellm_params default_max_parallel_requests redis_host
      redis_port redis_password redis_url redis_db enable_weighted_failover routing_groups
      model_group_affinity_config deployment_affinity_ttl_seconds client_ttl ignore_invalid_deployments`),
    dialect: {
      fallback_model: 'default_fallbacks',
      enable_cache: 'litellm_settings.cache',
      cache_type: 'litellm_settings.cache_params.type',
    },
    others: 'warn',
  },
  routingStrategyArgs: { used: ['ttl', 'lowest_latency_buffer'], notYet: [], dialect: {}, others: 'warn' },
  allowedFailsPolicy: {
    used: errorClasses.map((name) => `${name}AllowedFails`),
    notYet: [],
    dialect: {},
    others: 'warn',
  },
  retryPolicy: {
    used: [...errorClasses.map((name) => `${name}Retries`), 'DefaultRetries'],
    notYet: [],
    dialect: {},
    others: 'warn',
  },
  generalSettings: {
    used: [
      'master_key',
      'database_url',
      'maximum_spend_logs_retention_period',
      'dangerously_allow_mock_testing_request_params',
      'expose_fallback_errors_to_caller',
      'use_x_forwarded_for',
      'allowed_ips',
      'default_team_disabled',
      'user_header_name',
      'user_header_mappings',
      'global_max_parallel_requests',
      'enforce_user_param',
      'token_rate_limit_type',
      'include_call_id_in_error_body',
      'allow_requests_on_db_unavailable',
    ],
    notYet: words(`database_connection_pool_limit database_connection_timeout store_model_in_db
      store_prompts_in_spend_logs disable_spend_logs disable_spend_updates disable_error_logs proxy_batch_write_at
      proxy_budget_rescheduler_min_time proxy_budget_rescheduler_max_time disable_reset_budget
      maximum_spend_logs_retention_interval maximum_spend_logs_cleanup_cron
      user_api_key_cache_ttl disable_adding_master_key_hash_to_db
      disable_master_key_return completion_model embedding_model image_generation_model moderation_model
      enforced_params reject_clientside_metadata_tags
      max_parallel_requests max_request_size_mb max_response_size_mb
      litellm_key_header_name public_routes
      admin_only_routes allowed_routes custom_auth custom_key_generate enable_jwt_auth litellm_jwtauth
      background_health_checks health_check_interval health_check_details health_check_concurrency
      use_shared_health_check enable_health_check_routing allow_public_health_readiness_details alerting
      alerting_threshold alert_types alert_to_webhook_url alerting_args spend_report_frequency
      pass_through_endpoints always_include_stream_usage forward_client_headers_to_llm_api
      forward_openai_org_id allow_client_side_credentials infer_model_from_keys supported_db_objects
      key_management_system key_management_settings ui_access_mode
      use_redis_transaction_buffer disable_prisma_schema_update
      disable_responses_id_security mcp_*`),
    dialect: {},
    others: 'warn',
  },
  /** Ours: a key that we do not know can only be a mistake. */
  sluiceSettings: {
    used: [
      'default_max_tokens',
      'connect_timeout_ms',
      'between_tokens_timeout_ms',
      'max_request_mb',
      'worker_concurrency',
      'upstream_connections',
      'max_queued',
      'fair_share',
      'drain_ms',
      'shutdown_delay_ms',
      'reconcile_interval_ms',
      'on_client_gone',
      'sse_heartbeat_ms',
      'metrics_auth',
      'trusted_proxies',
      'default_price',
      'oci_auth',
      'oci_config_file',
      'oci_config_profile',
      'calendar_budgets',
      'batch',
      'files',
      'webhooks',
    ],
    notYet: [],
    dialect: {},
    others: 'stop',
  },
  files: {
    used: ['max_bytes', 'max_bytes_per_owner', 'max_files_per_owner', 's3'],
    notYet: [],
    dialect: {},
    others: 'stop',
  },
  s3: {
    used: ['bucket', 'region', 'endpoint', 'prefix', 'access_key_id', 'secret_access_key'],
    notYet: [],
    dialect: {},
    others: 'stop',
  },
  upperBounds: {
    used: ['max_budget', 'budget_duration', 'duration', 'max_parallel_requests', 'tpm_limit', 'rpm_limit'],
    notYet: [],
    dialect: {},
    others: 'warn',
  },
  keyGeneration: {
    used: ['team_key_generation', 'personal_key_generation'],
    notYet: [],
    dialect: {},
    others: 'warn',
  },
  keyMakers: {
    used: ['allowed_team_member_roles', 'allowed_user_roles', 'required_params'],
    notYet: [],
    dialect: {},
    others: 'warn',
  },
  fairShare: {
    used: ['weights', 'default_weight'],
    notYet: [],
    dialect: {},
    others: 'stop',
  },
  batch: {
    used: ['max_lines', 'mixed_models', 'price_factor', 'window', 'line_timeout', 'max_unfinished', 'retention_days'],
    notYet: [],
    dialect: {},
    others: 'stop',
  },
  webhook: { used: ['name', 'url', 'secret', 'events', 'teams'], notYet: [], dialect: {}, others: 'stop' },
  defaultPrice: {
    used: ['input_cost_per_token', 'output_cost_per_token', 'input_cost_per_query'],
    notYet: [],
    dialect: {},
    others: 'stop',
  },
} as const satisfies Record<string, Vocabulary>;

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}
