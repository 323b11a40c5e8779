import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogAgent } from './log-agent.ts';
import { Login, profileForm } from './log-in.ts';

const PAUSE_MS = 1_000;
const HOUR_MS = 3_600_000;

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Set ${name}.`);
  return value;
}

const profileId = variable('PROFILE_ID');
const tokenFile = variable('TOKEN_FILE');
const iamUrl = process.env['IAM_URL'] ?? 'https://iam.cloud.ibm.com';

/** Who this program is towards Secrets Manager: a workload with a trusted profile. */
const workload = new Login(async () => profileForm(profileId, (await readFile(tokenFile, 'utf8')).trim()), { iamUrl });

const agent = new LogAgent({
  iamUrl,
  secretsManagerUrl: variable('SECRETS_MANAGER_URL'),
  secret: { group: variable('SECRET_GROUP'), type: 'arbitrary', name: variable('SECRET_NAME') },
  token: () => workload.token(),
  keepForMs: HOUR_MS,
  warn: (message) => process.stderr.write(`${message}\n`),
  ingestionUrl: variable('INGESTION_URL'),
});

// Each line of standard input is one of the log. What is not taken is kept, and shipped again.
for await (const text of createInterface({ input: process.stdin })) {
  const lines = [{ applicationName: 'samples', subsystemName: 'ship-lines', severity: 3, text }];
  for (let isTaken = false; !isTaken;) {
    try {
      await agent.ship(lines);
      isTaken = true;
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : 'It failed.'}\n`);
      await sleep(PAUSE_MS);
    }
  }
}
