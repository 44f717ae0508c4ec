import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { OciIdentity } from '../../src/config/gateway-config.ts';
import { load, ociEnv, oneModel } from './sample-config.ts';

const inParams = 'model_list[0].litellm_params';
const compartment = { OCI_COMPARTMENT_ID: ociEnv.OCI_COMPARTMENT_ID };

/** A home with OCI's configuration file, as its command line writes it. */
const home = await mkdtemp(path.join(tmpdir(), 'sluice-'));
after(() => rm(home, { recursive: true }));
const usualFile = path.join(home, '.oci', 'config');
const otherFile = path.join(home, 'other');
const key = ['user=u', 'fingerprint=f', 'tenancy = t', 'key_file=~/.oci/key.pem'];
await mkdir(path.dirname(usualFile));
await writeFile(
  usualFile,
  [
    '# written by hand',
    '[DEFAULT]',
    ...key,
    'region=eu-paris-1',
    '[NO_REGION]\r',
    ...key,
    '[SESSION]',
    ...key,
    'security_token_file=/t',
    'region=uk-london-1',
    '[LITTLE]',
    'user=another',
  ].join('\n'),
);
await writeFile(
  otherFile,
  ['[A]', ...key, 'region=me-dubai-1', '[HALF]', 'user=u', '#key_file=/commented/out'].join('\n'),
);

interface Given {
  readonly params?: Record<string, unknown>;
  readonly sluice?: Record<string, unknown>;
  readonly env?: Record<string, string>;
}

function loadWith({ params, sluice, env }: Given) {
  const values = { ...oneModel(params), ...(sluice && { sluice_settings: sluice }) };
  return load({ values, env: { ...compartment, HOME: home, ...env } });
}

const profile = (type: 'config_file' | 'session_token', name: string, file: string | null): OciIdentity => ({
  type,
  file,
  profile: name,
});

const cases: (Given & { why: string; identity: OciIdentity; region: string })[] = [
  ...(['instance_principal', 'resource_principal', 'oke_workload_identity'] as const).map((type) => ({
    why: `${type} needs nothing`,
    params: { oci_auth: type },
    identity: { type },
    region: 'us-ashburn-1',
  })),
  {
    why: "a resource principal's own region",
    params: { oci_auth: 'resource_principal' },
    env: { OCI_RESOURCE_PRINCIPAL_REGION: 'us-phoenix-1' },
    identity: { type: 'resource_principal' },
    region: 'us-phoenix-1',
  },
  {
    why: 'the usual file and profile, and its region',
    params: { oci_auth: 'config_file' },
    identity: profile('config_file', 'DEFAULT', null),
    region: 'eu-paris-1',
  },
  {
    why: 'a region of its own wins',
    params: { oci_auth: 'config_file', oci_region: 'us-phoenix-1' },
    env: { OCI_REGION: 'us-chicago-1' },
    identity: profile('config_file', 'DEFAULT', null),
    region: 'us-phoenix-1',
  },
  {
    why: "then the environment's",
    params: { oci_auth: 'config_file' },
    env: { OCI_REGION: 'us-chicago-1' },
    identity: profile('config_file', 'DEFAULT', null),
    region: 'us-chicago-1',
  },
  {
    why: "a profile without a region has DEFAULT's",
    params: { oci_auth: 'config_file', oci_config_profile: 'NO_REGION' },
    identity: profile('config_file', 'NO_REGION', null),
    region: 'eu-paris-1',
  },
  {
    why: 'what a profile does not say, DEFAULT does',
    params: { oci_auth: 'config_file', oci_config_profile: 'LITTLE' },
    identity: profile('config_file', 'LITTLE', null),
    region: 'eu-paris-1',
  },
  {
    why: 'another file, from the home',
    params: { oci_auth: 'config_file', oci_config_file: '~/other', oci_config_profile: 'A' },
    identity: profile('config_file', 'A', otherFile),
    region: 'me-dubai-1',
  },
  {
    why: 'a session',
    params: { oci_auth: 'session_token', oci_config_profile: 'SESSION' },
    identity: profile('session_token', 'SESSION', null),
    region: 'uk-london-1',
  },
  {
    why: 'once for all, in the environment',
    env: { OCI_AUTH: 'config_file', OCI_CONFIG_FILE: otherFile, OCI_CONFIG_PROFILE: 'A' },
    identity: profile('config_file', 'A', otherFile),
    region: 'me-dubai-1',
  },
  {
    why: 'once for all, in the file, which wins',
    sluice: { oci_auth: 'config_file', oci_config_file: otherFile, oci_config_profile: 'A' },
    env: { OCI_AUTH: 'instance_principal', OCI_CONFIG_FILE: '/nowhere', OCI_CONFIG_PROFILE: 'B' },
    identity: profile('config_file', 'A', otherFile),
    region: 'me-dubai-1',
  },
  {
    why: "an entry's own wins over both",
    params: { oci_auth: 'instance_principal' },
    sluice: { oci_auth: 'resource_principal' },
    env: { OCI_AUTH: 'oke_workload_identity' },
    identity: { type: 'instance_principal' },
    region: 'us-ashburn-1',
  },
];
for (const { why, identity, region, ...given } of cases) {
  test(`OCI identity: ${why}`, async () => {
    const { config, problems } = await loadWith(given);
    assert.deepEqual(problems, []);
    const target = config?.aliases.get('grok')?.deployments[0]?.target;
    assert.ok(target?.api === 'oci');
    assert.deepEqual(
      [target.identity, target.region, target.compartmentId],
      [identity, region, ociEnv.OCI_COMPARTMENT_ID],
    );
  });
}

const wrong: (Given & { problem: string })[] = [
  {
    params: { oci_auth: 'password' },
    problem: `${inParams}.oci_auth: expected "api_key" or "config_file" or "session_token" or "instance_principal" or "resource_principal" or "oke_workload_identity", got "password"`,
  },
  {
    env: { OCI_AUTH: 'password', ...ociEnv },
    problem:
      'sluice_settings.oci_auth: OCI_AUTH is none of api_key, config_file, session_token, instance_principal, resource_principal, oke_workload_identity',
  },
  {
    params: { oci_auth: 'instance_principal' },
    env: { OCI_COMPARTMENT_ID: '' },
    problem: `${inParams}: missing oci_compartment_id (or OCI_COMPARTMENT_ID)`,
  },
  {
    params: { oci_auth: 'config_file' },
    env: { HOME: '/nowhere' },
    problem: `${inParams}.oci_auth: config_file: profile DEFAULT of /nowhere/.oci/config: the file does not exist`,
  },
  {
    params: { oci_auth: 'config_file', oci_config_profile: 'NOBODY' },
    problem: `${inParams}.oci_auth: config_file: profile "NOBODY" of ${usualFile}: the file has no such profile`,
  },
  {
    params: { oci_auth: 'config_file', oci_config_file: otherFile, oci_config_profile: 'HALF' },
    problem: `${inParams}.oci_auth: config_file: profile "HALF" of "${otherFile}": the file has no tenancy, fingerprint, key_file there`,
  },
  {
    params: { oci_auth: 'session_token' },
    problem: `${inParams}.oci_auth: session_token: profile DEFAULT of ${usualFile}: the file has no security_token_file there`,
  },
  {
    params: { oci_auth: 'config_file', oci_config_file: 'os.environ/FILE' },
    env: { FILE: '/a/secret' },
    problem: `${inParams}.oci_auth: config_file: profile DEFAULT of a string (from FILE): the file does not exist`,
  },
];
for (const { problem, ...given } of wrong) {
  test(`problem of an identity: ${problem.slice(0, 120)}`, async () => {
    assert.deepEqual((await loadWith(given)).problems, [problem]);
  });
}
