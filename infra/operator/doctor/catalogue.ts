/** Every check, in the order in which they are made. docs/doctor.md has a table of it. */
export const CHECKS = {
  addresses: {
    holds: 'Each API that is needed answers at its address; whether that is in the private network is said.',
    mends: 'the right address in the setting that is named',
  },
  login: {
    holds: 'The login works, and its API key does not end within 14 days.',
    mends: 'another API key, or another way to log in',
  },
  account: {
    holds: 'The login is for the account that the settings name.',
    mends: 'the right `KEYROTA_ACCOUNT_ID`',
  },
  clock: {
    holds: 'The clock of this machine and that of IAM differ by less than 10 seconds; a minute is what Keyrota bears.',
    mends: 'time synchronization of this machine',
  },
  instance: {
    holds: 'The Secrets Manager instance is there and active, and is the one that was deployed for.',
    mends: 'the right `KEYROTA_SECRETS_MANAGER_URL`',
  },
  groups: {
    holds: 'Each secret group of the manifest is there.',
    mends: 'the right group in the manifest, or a role on it',
  },
  ledger: {
    holds: 'The secret of the ledger is free, or is that of this deployment.',
    mends: 'another name of the ledger in the manifest',
  },
  entries: {
    holds: 'Each entry could have a new key now: its identity has the grants of the manifest, and its login works.',
    mends: 'the steps that a rotation would ask for',
  },
  quotas: {
    holds: 'Each identity has room for two more API keys: a new one, and one of a run that was cut off.',
    mends: 'deleting keys that nobody uses, or a higher limit',
  },
  roles: {
    holds:
      'The trusted profile of each function has the roles that the functions need; without a deployment the login.',
    mends: '`terraform apply`, or the policy that is missing',
  },
  links: {
    holds: 'Each function may log in as its trusted profile.',
    mends: '`terraform apply`, or the link that is missing',
  },
  functions: {
    holds: 'Each function that the internet reaches answers, has its code, and refuses whoever proves nothing.',
    mends: '`npm run push-bundles`, or the secret of a sender',
  },
  runs: {
    holds: 'The timer calls `rotate-keys`: a run noted itself lately.',
    mends: 'the timer',
  },
  checks: {
    holds: 'The daily check has run within two days.',
    mends: 'the timer of `check-expiry`',
  },
  lock: {
    holds:
      'A guard lock keeps the former version of a secret, and can be moved on: tried on a throwaway secret, with `--try-lock`.',
    mends: 'a role on the group of the ledger',
  },
} as const satisfies Record<string, { holds: string; mends: string }>;

export type CheckId = keyof typeof CHECKS;
export const CHECK_IDS = Object.keys(CHECKS) as CheckId[];
