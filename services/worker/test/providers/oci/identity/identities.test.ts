import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import { openOkeTokenService } from '../../../../../../test/oci-simulator/principals/oke-token-service.ts';
import { openTemporaryFolder } from '../../../../../../test/servers/temporary-folder.ts';
import { ProviderError } from '../../../../src/providers/provider.ts';
import { session, setUpIdentities, user } from './identity-setup.ts';

const passphrase = 'open-sesame';
const sessionPem = session.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const lockedSessionPem = session.privateKey
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
  .toString();
const lockedUserPem = createPrivateKey(user.keyPem)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
  .toString();

function assertAnswered(answer: string | ProviderError): asserts answer is string {
  if (answer instanceof ProviderError) throw answer;
  assert.notEqual(answer, '');
}

function assertFailed(answer: string | ProviderError, code: string, message: RegExp): void {
  assert.ok(answer instanceof ProviderError, `answered: ${String(answer)}`);
  assert.deepEqual([answer.code, answer.mayBeBilled], [code, false]);
  assert.match(answer.message, message);
}

test('api_key: the key of the configuration signs', async () => {
  await using at = await setUpIdentities();
  const { tenancy, fingerprint, keyPem: privateKeyPem } = user;
  const identity = { type: 'api_key', tenancy, user: user.user, fingerprint, privateKeyPem, passphrase: null } as const;
  assertAnswered(await at.ask(identity));
});

test('instance_principal: the certificate of the metadata service, exchanged for a token', async () => {
  await using at = await setUpIdentities();
  assertAnswered(await at.ask({ type: 'instance_principal' }));
  assertAnswered(await at.ask({ type: 'instance_principal' }));
  assert.deepEqual(at.simulator.principals.counts(), {
    metadata: 3,
    federations: 1,
    okeTokens: 0,
    issuedTokens: 1,
    refusals: 0,
  });
});

test('instance_principal: without a metadata service the error says where it was looked for', async () => {
  await using at = await setUpIdentities({ OCI_METADATA_BASE_URL: 'http://127.0.0.1:9/opc/v2' });
  const answer = await at.ask({ type: 'instance_principal' });
  assertFailed(answer, 'provider_unreachable', /instance principal: the metadata service at http:\/\/127\.0\.0\.1:9 /);
});

test('oke_workload_identity: outside of a pod the error says what is missing', async () => {
  await using at = await setUpIdentities();
  const answer = await at.ask({ type: 'oke_workload_identity' });
  assertFailed(answer, 'provider_authentication', /KUBERNETES_SERVICE_PORT_PROXYMUX are not both set/);
});

test('oke_workload_identity: the service account, exchanged over TLS that the cluster vouches for', async () => {
  await using folder = await openTemporaryFolder('oke');
  const [caFile, tokenFile] = [join(folder.path, 'ca.crt'), join(folder.path, 'token')];
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  await using service = await openOkeTokenService(principals);
  await using otherCluster = await openOkeTokenService(principals);
  Object.assign(at.env, {
    KUBERNETES_SERVICE_HOST: service.host,
    KUBERNETES_SERVICE_PORT_PROXYMUX: String(service.port),
    OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH: caFile,
    OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH: tokenFile,
  });
  const ask = (): Promise<string | ProviderError> => {
    at.putForward(60); // past the pause after a failure
    return at.ask({ type: 'oke_workload_identity' });
  };

  await writeFile(caFile, otherCluster.caPem);
  await writeFile(tokenFile, otherCluster.accountToken);
  assertFailed(await ask(), 'provider_unreachable', /the cluster's token service at https:\/\/127.* cannot be reached/);
  assert.equal(principals.counts().okeTokens, 0, 'the account was shown to a stranger');

  await writeFile(caFile, service.caPem);
  assertFailed(await ask(), 'provider_authentication', /the cluster's token service answered 401/);

  await writeFile(tokenFile, `${service.accountToken}\n`);
  assertAnswered(await ask());
  assert.equal(principals.counts().issuedTokens, 1);
});

for (const { how, asFiles } of [
  { how: 'variables', asFiles: false },
  { how: 'files', asFiles: true },
]) {
  test(`resource_principal: token, key and passphrase from ${how}`, async () => {
    await using folder = await openTemporaryFolder('resource-principal');
    await using at = await setUpIdentities();
    const sessionToken = await at.simulator.principals.issue(session.publicKey);
    for (const [name, text] of Object.entries({
      RPST: sessionToken,
      PRIVATE_PEM: lockedSessionPem,
      PRIVATE_PEM_PASSPHRASE: passphrase,
    })) {
      const file = join(folder.path, name);
      if (asFiles) await writeFile(file, `${text}\n`);
      at.env[`OCI_RESOURCE_PRINCIPAL_${name}`] = asFiles ? file : text;
    }
    at.env['OCI_RESOURCE_PRINCIPAL_VERSION'] = '2.2';
    assertAnswered(await at.ask({ type: 'resource_principal' }));
  });
}

test('resource_principal: a file that was replaced is read again when the token in use has ended', async () => {
  await using folder = await openTemporaryFolder('resource-principal');
  const [tokenFile, keyFile] = [join(folder.path, 'rpst'), join(folder.path, 'private.pem')];
  await using at = await setUpIdentities({
    OCI_RESOURCE_PRINCIPAL_VERSION: '2.2',
    OCI_RESOURCE_PRINCIPAL_RPST: tokenFile,
    OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM: keyFile,
  });
  const { principals } = at.simulator;
  principals.set({ tokenLifeS: 60 });
  await writeFile(keyFile, sessionPem);
  await writeFile(tokenFile, await principals.issue(session.publicKey));
  assertAnswered(await at.ask({ type: 'resource_principal' }));

  at.putForward(61);
  const late = await at.ask({ type: 'resource_principal' });
  assertFailed(late, 'provider_authentication', /resource principal: the token has expired/);
  await writeFile(tokenFile, await principals.issue(session.publicKey));
  at.putForward(20); // past the pause after a failure
  assertAnswered(await at.ask({ type: 'resource_principal' }));
});

for (const { why, env, message } of [
  { why: 'no version', env: {}, message: /OCI_RESOURCE_PRINCIPAL_VERSION is not set; 2\.2 is needed/ },
  { why: 'an old version', env: { VERSION: '1.1' }, message: /VERSION is "1\.1"; 2\.2 is needed/ },
  { why: 'no token', env: { VERSION: '2.2', PRIVATE_PEM: sessionPem }, message: /must both be set/ },
  {
    why: 'no file',
    env: { VERSION: '2.2', PRIVATE_PEM: sessionPem, RPST: '/nowhere/rpst' },
    message: /the session token \/nowhere\/rpst cannot be read \(ENOENT\)/,
  },
  {
    why: 'no token in it',
    env: { VERSION: '2.2', PRIVATE_PEM: sessionPem, RPST: 'x.y.z' },
    message: /not a session token/,
  },
]) {
  test(`resource_principal: ${why} is an error that says so`, async () => {
    const named = Object.entries(env).map(([name, value]) => [`OCI_RESOURCE_PRINCIPAL_${name}`, value]);
    await using at = await setUpIdentities(Object.fromEntries(named));
    const answer = await at.ask({ type: 'resource_principal' });
    assertFailed(answer, 'provider_authentication', message);
  });
}

test('config_file: the API key of a profile, with what only DEFAULT has, from the home folder', async () => {
  await using home = await openTemporaryFolder('home');
  await using at = await setUpIdentities({ HOME: home.path });
  await mkdir(join(home.path, '.oci'));
  await writeFile(join(home.path, '.oci/key.pem'), lockedUserPem);
  await writeFile(
    join(home.path, '.oci/config'),
    `[DEFAULT]\ntenancy=${user.tenancy}\n\n# of the gateway\n[GATEWAY]\nuser = ${user.user}\nfingerprint=${user.fingerprint}\nkey_file=~/.oci/key.pem\npass_phrase=${passphrase}\n`,
  );
  assertAnswered(await at.ask({ type: 'config_file', file: null, profile: 'GATEWAY' }));
  const other = await at.ask({ type: 'config_file', file: null, profile: 'OTHER' });
  assertFailed(other, 'provider_authentication', /profile "OTHER": there is no such profile in .*\.oci\/config/);
});

test('session_token: the token of the CLI, which ends in a newline; renewed in its file, it heals', async () => {
  await using home = await openTemporaryFolder('home');
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  const files = { config: join(home.path, 'config'), token: join(home.path, 'token'), key: join(home.path, 'key.pem') };
  await writeFile(files.key, sessionPem);
  await writeFile(files.token, `${await principals.issue(session.publicKey)}\n`);
  await writeFile(
    files.config,
    `[CLI]\ntenancy=${user.tenancy}\nfingerprint=${user.fingerprint}\nkey_file=${files.key}\nsecurity_token_file=${files.token}\n`,
  );
  const cli: OciIdentity = { type: 'session_token', file: files.config, profile: 'CLI' };
  assertAnswered(await at.ask(cli));

  principals.revokeTokens();
  assertFailed(await at.ask(cli), 'provider_authentication', /NotAuthenticated/);
  await writeFile(files.token, `${await principals.issue(session.publicKey)}\n`);
  at.putForward(10); // what was refused is not read again at once
  assertAnswered(await at.ask(cli));
});

test('a key that cannot be read is told without showing it', async () => {
  await using at = await setUpIdentities({
    OCI_RESOURCE_PRINCIPAL_VERSION: '2.2',
    OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM: lockedSessionPem,
    OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE: 'wrong-passphrase',
  });
  const token = await at.simulator.principals.issue(session.publicKey);
  at.env['OCI_RESOURCE_PRINCIPAL_RPST'] = token;
  const answer = await at.ask({ type: 'resource_principal' });
  assertFailed(answer, 'provider_authentication', /the private key cannot be read/);
  const shown = `${at.logged()}${inspect(answer, { depth: 10, showHidden: true })}`;
  for (const secret of [token, 'wrong-passphrase', 'BEGIN']) assert.ok(!shown.includes(secret), secret);
});
