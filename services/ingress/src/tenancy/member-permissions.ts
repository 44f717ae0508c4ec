/** Routes for keys that a team may let its members call for it; what they may without a word of it: scope.ts. */
export const memberPermissions: readonly string[] = [
  '/key/info',
  '/key/health',
  '/key/generate',
  '/key/service-account/generate',
  '/key/update',
  '/key/regenerate',
  '/key/delete',
];
