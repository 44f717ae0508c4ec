// Loaded into each process of a test: it fails as a bug would, with errors on which a library has hung what it was given.
const error = () =>
  Object.assign(new Error(`a bug: ${JSON.stringify(process.env)}`, { cause: new Error(process.env.DATABASE_URL) }), {
    command: { name: 'auth', args: Object.values(process.env) },
    config: { headers: { authorization: `Bearer ${process.env.LITELLM_MASTER_KEY}` } },
  });

process.on('SIGUSR2', () => {
  throw error();
});
process.on('SIGHUP', () => {
  void Promise.reject(error());
});
