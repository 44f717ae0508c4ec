import { nanoUsdToUsd } from '../money.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import type {
  Alias,
  Deployment,
  GatewayConfig,
  OciIdentity,
  OpenAiTarget,
  Target,
  WildcardAlias,
} from './gateway-config.ts';
import type { RouterSettings } from './router-config.ts';
import type { WebhookSettings } from './webhook-settings.ts';

/** A configuration as `--check-config` prints it: what each line of the file came to, and no secret. */
export function describeConfig(config: GatewayConfig): string {
  const sections = [
    [
      'Aliases',
      [...[...config.aliases.values()].flatMap(describeAlias), ...config.wildcards.flatMap(describeWildcard)],
    ],
    ['Fallbacks', describeFallbacks(config.router)],
    ['Settings', describeSettings(config)],
  ] as const;
  return sections
    .map(([title, lines]) => [title, ...(lines.length > 0 ? lines : ['none']).map((line) => `  ${line}`)].join('\n'))
    .join('\n\n');
}

function describeAlias({ name, mode, deployments, standsFor, hidden }: Alias): readonly string[] {
  const notes = [
    mode,
    ...(standsFor === undefined ? [] : [`another name of ${standsFor}`]),
    ...(hidden ? ['hidden'] : []),
  ];
  const title = `${name} (${notes.join(', ')})`;
  return standsFor === undefined ? [title, ...deployments.flatMap(describeDeployment)] : [title];
}

function describeWildcard({ pattern, deployments }: WildcardAlias): readonly string[] {
  return [
    `${pattern} (any that it matches; those that no book prices at what follows)`,
    ...deployments.flatMap(describeDeployment),
  ];
}

function describeDeployment(deployment: Deployment): readonly string[] {
  const { model, target, price, priceSource, priceChanges = [] } = deployment;
  return [
    `  ${model} at ${describeTarget(target)}`,
    `    ${describePrice(price)} (${priceSource})`,
    ...priceChanges.map((change) => {
      const day = new Date(change.from).toISOString().slice(0, 10);
      return `    from ${day} ${describePrice(change.price)} (${change.priceSource})`;
    }),
    ...describeLimits(deployment).map((line) => `    ${line}`),
  ];
}

function describeTarget(target: Target): string {
  switch (target.api) {
    case 'oci': {
      const { region, endpoint, servingMode, identity } = target;
      const dedicated = servingMode.type === 'DEDICATED' ? `, dedicated ${servingMode.endpointId}` : '';
      return `${endpoint ?? region}${dedicated}, ${describeIdentity(identity)}`;
    }
    case 'openai': {
      const query = new URLSearchParams(target.query).toString();
      return `${target.baseUrl}${query && `?${query}`}, OpenAI API, ${describeAuth(target.auth)}`;
    }
    case 'anthropic':
      return `${target.baseUrl}, Anthropic API, API key`;
    default:
      return target satisfies never;
  }
}

function describeAuth(auth: OpenAiTarget['auth']): string {
  switch (auth.type) {
    case 'none':
      return 'no key';
    case 'bearer':
      return 'API key';
    case 'header':
      return `API key in ${auth.name}`;
    case 'oci':
      return describeIdentity(auth.identity);
    default:
      return auth satisfies never;
  }
}

function describeIdentity(identity: OciIdentity): string {
  if (identity.type !== 'config_file' && identity.type !== 'session_token') return `identity ${identity.type}`;
  return `identity ${identity.type}, profile ${identity.profile} of ${identity.file ?? '~/.oci/config'}`;
}

function describePrice(price: TokenPrice): string {
  const cached = price.cachedInputNanoUsdPerMillion;
  const reasoning = price.reasoningNanoUsdPerMillion;
  return [
    `per 1M tokens: input ${usd(price.inputNanoUsdPerMillion)}`,
    ...(cached === undefined ? [] : [`cached input ${usd(cached)}`]),
    `output ${usd(price.outputNanoUsdPerMillion)}`,
    ...(reasoning === undefined ? [] : [`reasoning ${usd(reasoning)}`]),
    ...(price.searchNanoUsd === undefined ? [] : [`per search ${usd(price.searchNanoUsd)}`]),
  ].join(', ');
}

function describeLimits({ defaultParams, additionalDropParams: dropped = [], ...deployment }: Deployment): string[] {
  const { weight, numRetries, timeoutMs, streamTimeoutMs } = deployment;
  const { order, requestsPerMinute, tokensPerMinute, cooldownMs, dropParams, tags } = deployment;
  const own = {
    weight,
    order,
    requestsPerMinute,
    tokensPerMinute,
    numRetries,
    timeoutMs,
    streamTimeoutMs,
    cooldownMs,
    dropParams,
  };
  const given = Object.entries(own).filter(([, value]) => value != null);
  const names = Object.keys(defaultParams);
  return [
    ...(given.length > 0 ? [given.map(([name, value]) => `${name} ${value}`).join(', ')] : []),
    ...(tags === undefined ? [] : [`tags: ${tags.join(', ')}`]),
    ...(names.length > 0 ? [`default parameters: ${names.join(', ')}`] : []),
    ...(dropped.length > 0 ? [`never sent: ${dropped.join(', ')}`] : []),
  ];
}

function describeFallbacks(router: RouterSettings): readonly string[] {
  const kinds = [
    [router.fallbacks, ''],
    [router.contextWindowFallbacks ?? new Map(), ' when the prompt is too long'],
    [router.contentPolicyFallbacks ?? new Map(), ' when a filter refuses'],
  ] as const;
  return kinds.flatMap(([fallbacks, when]) =>
    [...fallbacks].map(([alias, targets]) => `${alias === '*' ? 'any other' : alias} → ${targets.join(', ')}${when}`),
  );
}

function describeSettings(config: GatewayConfig): readonly string[] {
  const { router, dropParams, masterKey, databaseUrl, metrics, trustedProxies, allowedIps, sluice } = config;
  const {
    fallbacks: _fallbacks,
    contextWindowFallbacks: _contextWindow,
    contentPolicyFallbacks: _contentPolicy,
    cooldowns,
    retryPolicies,
    ...routing
  } = router;
  const { defaultPrice, fairShare, batch, files, webhooks, ...own } = sluice;
  const shares = [...fairShare.weights, ['any other', fairShare.defaultWeight]];
  const { allowedFailsPolicy, ...cooling } = cooldowns;
  return [
    `masterKey ${masterKey === null ? 'not configured' : 'configured'}`,
    `databaseUrl ${databaseUrl === null ? 'not configured' : 'configured'}`,
    `metrics ${metrics.authenticated ? 'with a token' : 'open'}`,
    `trustedProxies ${trustedProxies.join(', ') || 'none'}`,
    `allowedIps ${allowedIps?.join(', ') ?? 'all'}`,
    `dropParams ${dropParams}`,
    ...Object.entries(routing).map(([name, value]) => `${name} ${value}`),
    `cooldowns ${[cooling, allowedFailsPolicy].map(describePolicy).filter(Boolean).join(', ')}`,
    ...[...retryPolicies].map(([alias, policy]) => `retries of ${alias}: ${describePolicy(policy)}`),
    ...Object.entries(own).map(([name, value]) => `${name} ${value}`),
    `fair share: ${shares.map(([name, weight]) => `${name} ${weight}`).join(', ')}`,
    `default price ${describePrice(defaultPrice)}`,
    `batches ${describePolicy(batch)}`,
    `files of at most ${files.maxBytes} bytes, ${files.quota.maxFiles} and ${files.quota.maxBytes} bytes of each owner, in ${files.s3 === null ? 'PostgreSQL' : `the bucket ${files.s3.bucket}`}`,
    ...webhooks.map(describeWebhook),
  ];
}

/** Of the URL only where it is: the rest may hold a token. */
function describeWebhook({ name, receiver, events, teams }: WebhookSettings): string {
  const ofTeams = teams === null ? '' : ` of the teams ${teams.join(', ')}`;
  return `webhook ${name} at ${new URL(receiver?.url ?? '').origin}: ${events.join(', ')}${ofTeams}`;
}

function describePolicy(policy: object): string {
  return Object.entries(policy)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function usd(nanoUsd: number): string {
  return `${nanoUsdToUsd(nanoUsd)} USD`;
}
