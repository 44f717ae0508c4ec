import { nanoUsdToUsd } from '../money.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import type { Alias, Deployment, GatewayConfig, Target } from './gateway-config.ts';

/** A configuration as `--check-config` prints it: what each line of the file came to, and no secret. */
export function describeConfig(config: GatewayConfig): string {
  const sections = [
    ['Aliases', [...config.aliases.values()].flatMap(describeAlias)],
    ['Fallbacks', [...config.router.fallbacks].map(describeFallback)],
    ['Settings', describeSettings(config)],
  ] as const;
  return sections
    .map(([title, lines]) => [title, ...(lines.length > 0 ? lines : ['none']).map((line) => `  ${line}`)].join('\n'))
    .join('\n\n');
}

function describeAlias({ name, mode, deployments }: Alias): readonly string[] {
  return [`${name} (${mode})`, ...deployments.flatMap(describeDeployment)];
}

function describeDeployment(deployment: Deployment): readonly string[] {
  const { model, target, price, priceSource } = deployment;
  return [
    `  ${model} at ${describeTarget(target)}`,
    `    ${describePrice(price)} (${priceSource})`,
    ...describeLimits(deployment).map((line) => `    ${line}`),
  ];
}

function describeTarget(target: Target): string {
  if (target.api !== 'oci') return `${target.baseUrl}, ${target.api} API`;
  const { region, endpoint, servingMode, identity } = target;
  const dedicated = servingMode.type === 'DEDICATED' ? `, dedicated ${servingMode.endpointId}` : '';
  return `${endpoint ?? region}${dedicated}, identity ${identity.type}`;
}

function describePrice(price: TokenPrice): string {
  const cached = price.cachedInputNanoUsdPerMillion;
  return [
    `per 1M tokens: input ${usd(price.inputNanoUsdPerMillion)}`,
    ...(cached === undefined ? [] : [`cached input ${usd(cached)}`]),
    `output ${usd(price.outputNanoUsdPerMillion)}`,
  ].join(', ');
}

function describeLimits({ weight, numRetries, timeoutMs, streamTimeoutMs, defaultParams }: Deployment): string[] {
  const limits = { weight, numRetries, timeoutMs, streamTimeoutMs };
  const given = Object.entries(limits).filter(([, value]) => value !== null);
  const names = Object.keys(defaultParams);
  return [
    ...(given.length > 0 ? [given.map(([name, value]) => `${name} ${value}`).join(', ')] : []),
    ...(names.length > 0 ? [`default parameters: ${names.join(', ')}`] : []),
  ];
}

function describeFallback([alias, targets]: readonly [string, readonly string[]]): string {
  return `${alias === '*' ? 'any other' : alias} → ${targets.join(', ')}`;
}

function describeSettings({ router, dropParams, masterKey, databaseUrl, sluice }: GatewayConfig): readonly string[] {
  const { fallbacks: _, ...routing } = router;
  const { defaultPrice, ...own } = sluice;
  return [
    `masterKey ${masterKey === null ? 'not configured' : 'configured'}`,
    `databaseUrl ${databaseUrl === null ? 'not configured' : 'configured'}`,
    `dropParams ${dropParams}`,
    ...Object.entries({ ...routing, ...own }).map(([name, value]) => `${name} ${value}`),
    `default price ${describePrice(defaultPrice)}`,
  ];
}

function usd(nanoUsd: number): string {
  return `${nanoUsdToUsd(nanoUsd)} USD`;
}
