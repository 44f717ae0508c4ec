import { addressMatcher } from '@sluice/shared/config/allowed-ips.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';

/**
 * Refuses requests from elsewhere, before anything else of them is looked at (contract §1.4).
 *
 * @param allowed addresses and networks; null: everywhere
 */
export function requireAllowedIp(allowed: readonly string[] | null): RequestHandler {
  if (allowed === null) return (_req, _res, next) => next();
  const isAllowed = addressMatcher(allowed);
  return (req, _res, next) => {
    const { ip = '' } = req;
    if (!isAllowed(ip)) throw new GatewayError('ip_not_allowed', `Access forbidden: IP address ${ip} not allowed.`);
    next();
  };
}
