import { z } from 'zod';
import { Budget } from './limit-rows.ts';

export const Budgets = z.array(Budget);

export const BudgetSettings = z.array(
  z.object({
    field_name: z.string(),
    field_type: z.string(),
    field_description: z.string(),
    field_value: z.union([z.number(), z.string()]).nullable(),
    stored_in_db: z.boolean(),
    field_default_value: z.null(),
  }),
);
