/** Whether a user text asks for a tool. */
export function wantsTools(text: string): boolean {
  return /tool|weather/i.test(text);
}

/** Whether it asks for two calls at once. */
export function wantsParallel(text: string): boolean {
  return /parallel/i.test(text);
}
