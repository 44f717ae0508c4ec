import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { violatedConstraint } from './violated-constraint.ts';

/** A table that holds things of one kind. Its columns are named as their properties, in snake case. */
export interface EntityTable<T extends object> {
  /** With its schema. */
  readonly name: string;
  /** The properties of its primary key, in order. */
  readonly ids: readonly Property<T>[];
  readonly schema: z.ZodType<T> & { readonly shape: Readonly<Record<keyof T, unknown>> };
}

type Property<T> = keyof T & string;

export interface Page<T> {
  /** Counted from 1. */
  readonly page: number;
  readonly size: number;
  readonly sortBy: Property<T>;
  readonly descending: boolean;
}

export interface Filter<T> {
  /** Properties that have exactly these values, one of them if there are several. */
  readonly where?: { readonly [Name in Property<T>]?: string | readonly string[] | undefined };
  /** Properties of which one contains the text; case does not matter. */
  readonly search?: { readonly text: string; readonly in: readonly Property<T>[] } | undefined;
}

/** A row that was not stored: the name of the constraint that refused it, of a unique or foreign key. */
export interface Refused {
  readonly violated: string;
}

/** All that can be done with the rows of a table, on one database. */
export function entitiesIn<T extends object>(sql: Sql, table: EntityTable<T>) {
  const columns = Object.keys(table.schema.shape).map(columnOf);
  const byId = table.ids.map((id, index) => `${columnOf(id)} = $${index + 1}`).join(' and ');

  return {
    /** @param ids the primary key, in order */
    async find(...ids: readonly string[]): Promise<T | null> {
      const { rows } = await sql.query(`select * from ${table.name} where ${byId}`, ids);
      return rows.length === 0 ? null : decodeEntity(table, rows[0]);
    },

    /** The same, which nobody else changes until the transaction ends. */
    async lock(...ids: readonly string[]): Promise<T | null> {
      const { rows } = await sql.query(`select * from ${table.name} where ${byId} for update`, ids);
      return rows.length === 0 ? null : decodeEntity(table, rows[0]);
    },

    /** Whether it exists, and nobody deletes it until the transaction ends. */
    async hold(...ids: readonly string[]): Promise<boolean> {
      const { rows } = await sql.query(`select from ${table.name} where ${byId} for key share`, ids);
      return rows.length > 0;
    },

    /** That it is new, and that what it refers to exists, is the table's to say. */
    async insert(entity: T): Promise<'inserted' | Refused> {
      return refusedOr(async () => {
        await sql.query(
          `insert into ${table.name} (${columns.join(', ')})
           select ${columns.join(', ')} from jsonb_populate_record(null::${table.name}, $1)`,
          [encodeEntity(entity)],
        );
        return 'inserted' as const;
      });
    },

    /** @returns those that were stored; one that is there already, in anything that is unique, is left as it is */
    async insertMissing(entities: readonly T[]): Promise<readonly T[]> {
      if (entities.length === 0) return [];
      const { rows } = await sql.query(
        `insert into ${table.name} (${columns.join(', ')})
         select ${columns.join(', ')} from jsonb_populate_recordset(null::${table.name}, $1)
         on conflict do nothing
         returning *`,
        [`[${entities.map(encodeEntity).join(',')}]`],
      );
      return rows.map((row) => decodeEntity(table, row));
    },

    /** Changes what is named in one statement, so that two changes of different fields at once both hold. */
    async update(ids: readonly string[], changes: Partial<T>): Promise<T | Refused | null> {
      const names = Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [columnOf(name)]));
      if (names.length === 0) return this.find(...ids);
      const set = names.map((name) => `${name} = change.${name}`).join(', ');
      return refusedOr(async () => {
        const { rows } = await sql.query(
          `update ${table.name} as entity set ${set}
           from jsonb_populate_record(null::${table.name}, $${ids.length + 1}) as change
           where ${table.ids.map((id, index) => `entity.${columnOf(id)} = $${index + 1}`).join(' and ')}
           returning entity.*`,
          [...ids, encodeEntity(changes)],
        );
        return rows.length === 0 ? null : decodeEntity(table, rows[0]);
      });
    },

    /** @returns what was deleted; of things that do not exist, nothing */
    async delete(filter: NonNullable<Filter<T>['where']>): Promise<readonly T[] | Refused> {
      const { text, values } = conditionOf({ where: filter });
      return refusedOr(async () => {
        const { rows } = await sql.query(`delete from ${table.name} where ${text} returning *`, values);
        return rows.map((row) => decodeEntity(table, row));
      });
    },

    /** One page of what matches, and how many do. Rows without a value to sort by come last. */
    async list(filter: Filter<T>, page: Page<T>): Promise<{ total: number; rows: readonly T[] }> {
      const { text, values } = conditionOf(filter);
      const order = `${columnOf(page.sortBy)} ${page.descending ? 'desc' : 'asc'} nulls last`;
      const ids = table.ids.map(columnOf).join(', ');
      const { rows } = await sql.query(
        `with matching as (select * from ${table.name} where ${text})
         select (select count(*) from matching) as total,
           array(select to_jsonb(matching) from matching order by ${order}, ${ids}
                 limit $${values.length + 1} offset $${values.length + 2}) as page`,
        [...values, page.size, (page.page - 1) * page.size],
      );
      const found = PageRow.parse(rows[0]);
      return { total: found.total, rows: found.page.map((row) => decodeEntity(table, row)) };
    },

    /** All that match, oldest first. @param max more are not given */
    async all(filter: Filter<T>, max: number): Promise<readonly T[]> {
      const { text, values } = conditionOf(filter);
      const { rows } = await sql.query(
        `select * from ${table.name} where ${text} order by created_at, ${table.ids.map(columnOf).join(', ')} limit ${max}`,
        values,
      );
      return rows.map((row) => decodeEntity(table, row));
    },
  };
}

const PageRow = z.object({ total: z.coerce.number().pipe(z.int()), page: z.array(z.unknown()) });

/** A row as its thing; columns of a newer schema are dropped. */
export function decodeEntity<T extends object>({ schema }: Pick<EntityTable<T>, 'schema'>, row: unknown): T {
  const columns = new Map(Object.entries(z.record(z.string(), z.unknown()).parse(row)));
  return schema.parse(Object.fromEntries(Object.keys(schema.shape).map((name) => [name, columns.get(columnOf(name))])));
}

/** The same of what may not be there. */
export function decodeOptional<T extends object>(table: Pick<EntityTable<T>, 'schema'>, row: unknown): T | null {
  return row === null ? null : decodeEntity(table, row);
}

/** As JSON that `jsonb_populate_record` reads. Columns named `…_at` are times; what is undefined is left out. */
export function encodeEntity(entity: object): string {
  const columns = Object.entries(entity).map(([name, value]: [string, unknown]) => {
    const column = columnOf(name);
    return [column, column.endsWith('_at') && typeof value === 'number' ? new Date(value) : value];
  });
  return JSON.stringify(Object.fromEntries(columns));
}

export function columnOf(property: string): string {
  return property.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function conditionOf<T>({ where = {}, search }: Filter<T>): { text: string; values: unknown[] } {
  const asked = Object.entries<string | readonly string[] | undefined>(where).filter(
    ([, value]) => value !== undefined,
  );
  const conditions = asked.map(([name], index) => `${columnOf(name)} = any ($${index + 1})`);
  const values: unknown[] = asked.map(([, value]) => [value].flat());
  if (search !== undefined) {
    values.push(search.text);
    const contains = search.in.map((name) => `position(lower($${values.length}) in lower(${columnOf(name)})) > 0`);
    conditions.push(`(${contains.join(' or ')})`);
  }
  return { text: conditions.length === 0 ? 'true' : conditions.join(' and '), values };
}

async function refusedOr<T>(store: () => Promise<T>): Promise<T | Refused> {
  try {
    return await store();
  } catch (error) {
    const violated = violatedConstraint(error);
    if (violated === null) throw error;
    return { violated };
  }
}
