import { z } from 'zod';
import { usd } from './limit-rows.ts';

const day = z.iso.date();

export const GlobalSpend = z.object({ spend: usd, max_budget: usd.describe('0: none.') });

export const GlobalSpendByKey = z.array(
  z.object({
    api_key: z.string().describe('The hash of the key.'),
    key_alias: z.string().nullable(),
    key_name: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    total_spend: usd,
  }),
);

export const GlobalSpendByModel = z.array(z.object({ model: z.string(), total_spend: usd }));
export const GlobalSpendByProvider = z.array(z.object({ provider: z.string(), spend: usd }));

export const GlobalSpendByTeam = z.object({
  daily_spend: z.array(z.looseObject({ date: day })).describe('With a member for the name of each team.'),
  teams: z.array(z.string()),
  total_spend_per_team: z.array(z.object({ team_id: z.string(), team_alias: z.string(), total_spend: usd })),
});

export const GlobalSpendByTag = z.object({
  spend_per_tag: z.array(z.object({ name: z.string(), spend: usd, log_count: z.int() })),
});

export const GlobalSpendByCustomer = z.array(
  z.object({ end_user: z.string(), total_count: z.int(), total_spend: usd }),
);

export const GlobalSpendByDay = z.array(z.object({ date: day, spend: usd, api_key: z.string().optional() }));

const DayOf = z.object({
  total_spend: usd,
  metadata: z.array(z.object({ model: z.string(), spend: usd, total_tokens: z.int(), api_key: z.string() })),
});

const costs = { total_cost: usd, total_input_tokens: z.int(), total_output_tokens: z.int() };

export const SpendReport = z.union([
  z
    .array(
      z.object({
        group_by_day: day,
        teams: z.array(DayOf.extend({ team_name: z.string(), team_id: z.string().nullable() })),
      }),
    )
    .describe('By team.'),
  z
    .array(z.object({ group_by_day: day, customers: z.array(DayOf.extend({ customer: z.string() })) }))
    .describe('By customer.'),
  z
    .array(
      z.object({
        api_key: z.string(),
        ...costs,
        model_details: z.array(z.object({ model: z.string(), ...costs })),
      }),
    )
    .describe('By key, or of one key or user.'),
]);

export const TagNames = z.object({ tag_names: z.array(z.string()) });
export const CustomerNames = z.object({ end_users: z.array(z.string()) });

export const ProviderBudgets = z.object({
  providers: z.record(
    z.string(),
    z.object({ budget_limit: z.null(), time_period: z.null(), spend: usd, budget_reset_at: z.null() }),
  ),
});
