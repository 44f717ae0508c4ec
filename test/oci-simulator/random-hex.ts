import { randomBytes } from 'node:crypto';

/** 32 random hexadecimal digits in upper case. Made many at a time: a single `randomBytes` costs as much as a hash. */
export function randomHex(): string {
  if (next === pool.length) {
    pool = randomBytes(poolBytes).toString('hex').toUpperCase();
    next = 0;
  }
  next += digits;
  return pool.slice(next - digits, next);
}

const digits = 32;
const poolBytes = 16 * 1024;
let pool = '';
let next = 0;
