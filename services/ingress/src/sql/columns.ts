import { NanoUsd } from '@sluice/shared/money.ts';
import { z } from 'zod';

// How columns come out of the database, as they are or within `to_jsonb`.

/** `bigint`, as text or number; one that a double cannot hold exactly is refused, not rounded. */
export const count = z.union([z.string(), z.number()]).transform(Number).pipe(NanoUsd);

/** `timestamptz` → epoch milliseconds. */
export const time = z
  .union([z.date(), z.string()])
  .transform((value) => new Date(value).getTime())
  .pipe(z.int());

export const text = z.string().nullable();
export const texts = z.array(z.string());
export const json = z.record(z.string(), z.unknown());

/** Who made and changed a row, and when. */
export const history = { createdAt: time, createdBy: text, updatedAt: time, updatedBy: text } as const;
