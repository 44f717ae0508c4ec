/** What a start says on the console: everything that a newcomer needs for the first request. */
export function welcome(start: {
  address: string;
  masterKey: string | null;
  virtualKey: string | null;
  firstAlias: string | null;
  simulated: boolean;
  dataDir: string;
}): string {
  const lines = [`Sluice is listening on ${start.address}`, `Data: ${start.dataDir}`];
  if (start.simulated) {
    lines.push(
      '',
      'There are no OCI credentials, so the answers come from a SIMULATOR of OCI Generative AI, not from a model.',
      'Give it yours with --config, or with OCI_USER, OCI_FINGERPRINT, OCI_TENANCY, OCI_KEY_FILE, OCI_COMPARTMENT_ID.',
    );
  }
  if (start.masterKey) lines.push('', `Master key (made for you, kept in the data folder): ${start.masterKey}`);
  if (start.virtualKey && start.firstAlias) {
    const body = JSON.stringify({ model: start.firstAlias, messages: [{ role: 'user', content: 'Hello!' }] });
    lines.push(
      `Virtual key: ${start.virtualKey}`,
      '',
      'Try it:',
      `curl ${start.address}/v1/chat/completions -H 'Authorization: Bearer ${start.virtualKey}' -H 'Content-Type: application/json' -d '${body}'`,
    );
  }
  return `${lines.join('\n')}\n`;
}
