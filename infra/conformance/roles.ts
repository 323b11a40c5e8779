/** What whoever runs it must be allowed, for help and docs. */
export const ROLES: readonly (readonly [service: string, roles: string, why: string])[] = [
  [
    'Secrets Manager, on the instance',
    'Manager and Administrator',
    'to make and remove a secret group with its secrets, keys of the instance, and policies on that group',
  ],
  [
    'IAM Identity, on the account',
    'Administrator',
    'to make and remove a service ID with its keys and policies, and to list the keys of the account',
  ],
];

const list = ROLES.map(([service, roles, why]) => `  ${service}: ${roles},\n      ${why}`).join('\n');

/** The end of the help. */
export const ROLES_TEXT = `Settings: those of docs/settings.md, in the environment. For example KEYROTA_ACCOUNT_ID, KEYROTA_SECRETS_MANAGER_URL,
KEYROTA_LOGIN=api-key and KEYROTA_API_KEY. Whoever that key belongs to needs:
${list}
Where an account restricts who makes service IDs, also Service ID creator on IAM Identity.

Exit codes: 0 all contracts hold and nothing is left over; 1 a contract does not hold, something is left over, or the run
ended early; 2 wrong input: nothing was tried. Which way an open point is answered changes no exit code.
Ctrl-C ends a run, and it removes what it made; a second one leaves that to the next run. docs/conformance.md has more.`;
