import type { RequestHandler } from 'express';
import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { customerBlock, customerUnblock } from './customer-block.ts';
import { customerDelete } from './customer-delete.ts';
import { customerInfo } from './customer-info.ts';
import { customerList } from './customer-list.ts';
import { customerNew } from './customer-new.ts';
import { customerUpdate } from './customer-update.ts';

/** The endpoints for customers, under both of LiteLLM's names for them; contract §3.4. */
export function customerRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return ['/customer', '/end_user'].flatMap((prefix) =>
    table.map(([method, path, create]) => ({ method, path: `${prefix}/${path}`, handler: create(deps) })),
  );
}

const table: readonly (readonly ['get' | 'post', string, (deps: ManagementDeps) => RequestHandler])[] = [
  ['post', 'new', customerNew],
  ['post', 'update', customerUpdate],
  ['post', 'delete', customerDelete],
  ['post', 'block', customerBlock],
  ['post', 'unblock', customerUnblock],
  ['get', 'info', customerInfo],
  ['get', 'list', customerList],
];
