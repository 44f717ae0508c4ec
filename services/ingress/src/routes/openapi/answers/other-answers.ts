import { z } from 'zod';
import { pageOf, time } from './limit-rows.ts';

const members = z.record(z.string(), z.unknown()).nullable();

/** One administrative change. */
export const AuditLine = z.object({
  id: z.string(),
  updated_at: time,
  changed_by: z.string(),
  changed_by_api_key: z.string(),
  action: z.string(),
  table_name: z.string(),
  object_id: z.string(),
  before_value: members,
  updated_values: members,
  changed_by_role: z.string(),
  changed_by_user_id: z.string().nullable(),
  changed_by_key_name: z.string().nullable(),
  request_id: z.string().nullable(),
  ip_address: z.string().nullable(),
});

export const AuditPage = pageOf('audit_logs', AuditLine);

export const Liveness = z.string();

export const Readiness = z.object({
  status: z.enum(['healthy', 'unhealthy']),
  db: z.string(),
  parts: z.record(z.string(), z.string()).describe('ok, or what is wrong.'),
});

export const OpenApiDocument = z.looseObject({ openapi: z.string() });
