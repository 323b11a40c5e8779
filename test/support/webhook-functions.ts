import { vi } from 'vitest';
import { main as handleSecretEvent } from '../../functions/handle-secret-event/handler.ts';
import { main as respondToCompromise } from '../../functions/respond-to-compromise/handler.ts';
import type { FunctionResult } from '../../shared/runtime/code-engine.ts';
import { EVENTS, EVENTS_PUBLIC_KEY, GITGUARDIAN, GITHUB, INCIDENT, paramsOf } from './webhook-requests.ts';
import type { Delivery } from './webhook-requests.ts';

export const INSTANCE = '01234567-89ab-4cde-8f01-23456789abcd';
export const OWN_IAM_ID = 'iam-Profile-fedcba98-89ab-4cde-8f01-23456789abcd';

const entry = (name: string, more: object = {}) => ({
  kind: 'service-id-api-key',
  name,
  serviceId: 'ServiceId-1',
  ...more,
});

const MANIFEST = {
  deployment: 'demo',
  keys: [
    entry('ingest', { formerly: ['old-ingest'] }),
    entry('report', { secret: { name: 'report-secret', group: 'fedcba98-89ab-4cde-8f01-23456789abcd' } }),
  ],
};

/** All that both functions need; every value is made up. */
const ENVIRONMENT: Record<string, string> = {
  KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
  KEYROTA_SECRETS_MANAGER_URL: `https://${INSTANCE}.eu-de.secrets-manager.appdomain.cloud`,
  KEYROTA_PROFILE_ID: 'Profile-1',
  KEYROTA_MANIFEST: JSON.stringify(MANIFEST),
  KEYROTA_INCIDENT_SECRET: INCIDENT[0],
  KEYROTA_INCIDENT_SECRET_PREVIOUS: INCIDENT[1],
  KEYROTA_GITHUB_SECRET: GITHUB[0],
  KEYROTA_GITHUB_SECRET_PREVIOUS: GITHUB[1],
  KEYROTA_GITGUARDIAN_SECRET: GITGUARDIAN[0],
  KEYROTA_GITGUARDIAN_SECRET_PREVIOUS: GITGUARDIAN[1],
  KEYROTA_EVENT_NOTIFICATIONS_SECRET: EVENTS[0],
  KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS: EVENTS[1],
  KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY: EVENTS_PUBLIC_KEY,
  KEYROTA_OWN_IAM_IDS: OWN_IAM_ID,
};

export const FUNCTIONS = { respondToCompromise, handleSecretEvent };
export type FunctionName = keyof typeof FUNCTIONS;

/** Sets the environment of the functions, and nothing of Keyrota besides. Undone by `vi.unstubAllEnvs`. */
export function useEnvironment(changes: Record<string, string | undefined> = {}): void {
  vi.unstubAllEnvs();
  for (const [name, value] of Object.entries({ ...ENVIRONMENT, ...changes })) vi.stubEnv(name, value);
}

/** Takes what the functions write in place of the terminal, until restored. */
export function capturedLines(): { lines: string[]; restore: () => void } {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  return { lines, restore: () => spy.mockRestore() };
}

export const call = (name: FunctionName, delivery: Delivery): Promise<FunctionResult> =>
  FUNCTIONS[name](paramsOf(delivery));
